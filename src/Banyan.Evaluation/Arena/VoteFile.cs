using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Banyan.Evaluation.Arena;

/// <summary>
/// Votes, a JSON line each, only ever appended; every line names the hash of the one before it, and a file beside it (<c>FILE.last</c>) the hash of the last. One
/// program at a time writes. Whoever takes away the last votes and that file's line leaves no trace here: the hash is printed with the standings, to be kept elsewhere.
/// </summary>
public sealed class VoteFile : IDisposable
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    readonly Lock _gate = new();
    readonly FileStream _file, _lock;
    readonly List<Vote> _votes;
    string _last;

    VoteFile(FileStream file, FileStream @lock, List<Vote> votes, string last) => (_file, _lock, _votes, _last) = (file, @lock, votes, last);

    /// <summary>Every vote.</summary>
    public IReadOnlyList<Vote> Votes
    {
        get
        {
            lock (_gate)
                return [.. _votes];
        }
    }

    /// <summary>Opens a file to append to, or begins one. Throws <see cref="EvaluationException"/> where a vote was changed, or another program has it.</summary>
    public static VoteFile Open(string path)
    {
        FileStream? owner = null, file = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            // The lock is a file of its own: others may read the votes meanwhile.
            owner = new(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
            using var reader = new StreamReader(file, Encoding.UTF8, leaveOpen: true);
            var text = reader.ReadToEnd();
            var whole = text.LastIndexOf('\n') + 1; // a crash may have torn the last line
            var (votes, last) = Parse(text[..whole], path);
            CheckLast(path, text[..whole]);
            file.SetLength(Encoding.UTF8.GetByteCount(text.AsSpan(0, whole)));
            file.Seek(0, SeekOrigin.End);
            return new(file, owner, votes, last);
        }
        catch (Exception e)
        {
            file?.Dispose();
            owner?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new EvaluationException($"{path} cannot be appended to (does another arena use it?): {e.Message}");
            throw;
        }
    }

    /// <summary>Reads the votes of a file and checks their chain.</summary>
    public static IReadOnlyList<Vote> Read(string path) => Read(path, out _);

    /// <summary>The same, with the hash of the last; empty without votes.</summary>
    public static IReadOnlyList<Vote> Read(string path, out string last)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.UTF8);
            var text = reader.ReadToEnd();
            var whole = text[..(text.LastIndexOf('\n') + 1)];
            (var votes, last) = Parse(whole, path);
            CheckLast(path, whole);
            return votes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{path} cannot be read: {e.Message}");
        }
    }

    /// <summary>Appends a vote; when this returns, it is on the disk.</summary>
    public void Append(Vote vote)
    {
        lock (_gate)
        {
            vote = vote with { Previous = _last };
            var line = JsonSerializer.Serialize(vote, s_json);
            _file.Write(Encoding.UTF8.GetBytes(line + "\n"));
            _file.Flush(flushToDisk: true);
            _votes.Add(vote);
            _last = Hash(line);
            var last = LastOf(_file.Name);
            File.WriteAllText(last + ".new", _last + "\n");
            File.Move(last + ".new", last, overwrite: true);
        }
    }

    /// <summary>SHA-256 of a text, in hexadecimal.</summary>
    internal static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    static string LastOf(string path) => path + ".last";

    /// <summary>The last vote that was noted must be there: it, or one after it where a crash came between, ends the file.</summary>
    static void CheckLast(string path, string text)
    {
        if (!File.Exists(LastOf(path)))
            return; // from before it was noted
        var noted = File.ReadAllText(LastOf(path)).Trim();
        if (!text.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(2).Any(line => Hash(line) == noted))
            throw new EvaluationException($"{path} does not end with the last vote that was cast ({noted}, in {LastOf(path)}): votes were taken away. Bring them back, or, if that is how it should be, remove {LastOf(path)}");
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    static (List<Vote> Votes, string Last) Parse(string text, string path)
    {
        var votes = new List<Vote>();
        var last = "";
        foreach (var (index, line) in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Index())
        {
            Vote vote;
            try
            {
                vote = JsonSerializer.Deserialize<Vote>(line, s_json)!;
            }
            catch (JsonException e)
            {
                throw new EvaluationException($"{path}, line {index + 1} is no vote: {e.Message}");
            }
            if (vote.Previous != last)
                throw new EvaluationException($"{path}, line {index + 1} does not follow the line before it: a vote was changed, added or taken out");
            votes.Add(vote);
            last = Hash(line);
        }
        return (votes, last);
    }
}
