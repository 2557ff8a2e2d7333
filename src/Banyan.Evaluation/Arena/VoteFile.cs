using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Banyan.Evaluation.Arena;

/// <summary>
/// Votes, a JSON line each, only ever appended; every line names the hash of the one before it. The hash of the last one is noted twice: in
/// a file beside it (<c>FILE.last</c>), and, for each account that casts or reads votes, in a folder of its own, so that someone who can
/// only write the votes cannot remove the last ones unnoticed. It is also printed with the standings, to be stored elsewhere
/// (<c>--contains</c>). One program at a time writes.
/// </summary>
public sealed class VoteFile : IDisposable
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true
    };

    readonly Lock _gate = new();
    readonly FileStream _file, _lock;
    readonly List<Vote> _votes;
    readonly string _note;
    string _last;

    VoteFile(FileStream file, FileStream @lock, List<Vote> votes, string last, string note) =>
        (_file, _lock, _votes, _last, _note) = (file, @lock, votes, last, note);

    /// <summary>
    /// <c>$XDG_STATE_HOME/banyan/votes</c>, or the same under <c>~/.local/state</c>: the last vote of a file that this account knows of.
    /// </summary>
    public static string DefaultNotes => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"), "banyan", "votes");

    /// <summary>Every vote.</summary>
    public IReadOnlyList<Vote> Votes
    {
        get
        {
            lock (_gate)
                return [.. _votes];
        }
    }

    /// <summary>
    /// Opens a file to append to, or creates one. Throws <see cref="EvaluationException"/> if a vote was changed, or another program has it
    /// open.
    /// </summary>
    /// <param name="path">The file of votes.</param>
    /// <param name="notes">A folder for notes of the last votes; null for <see cref="DefaultNotes"/>.</param>
    public static VoteFile Open(string path, string? notes = null)
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
            var note = NoteOf(path, notes);
            CheckLast(path, note, text[..whole]);
            file.SetLength(Encoding.UTF8.GetByteCount(text.AsSpan(0, whole)));
            file.Seek(0, SeekOrigin.End);
            return new(file, owner, votes, last, note);
        }
        catch (Exception e)
        {
            file?.Dispose();
            owner?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new EvaluationException($"{path} cannot be appended to (does another arena use it?): {SystemProblem.Of(e)}");
            throw;
        }
    }

    /// <summary>Reads the votes of a file and checks their chain.</summary>
    public static IReadOnlyList<Vote> Read(string path, string? notes = null) => Read(path, out _, notes: notes);

    /// <summary>The same, with the hash of the last; empty without votes.</summary>
    /// <param name="path">The file of votes.</param>
    /// <param name="last">The hash of the last vote.</param>
    /// <param name="contains">The hash of a vote that must be there; null for none.</param>
    /// <param name="notes">A folder for notes of the last votes; null for <see cref="DefaultNotes"/>.</param>
    public static IReadOnlyList<Vote> Read(string path, out string last, string? contains = null, string? notes = null)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.UTF8);
            var text = reader.ReadToEnd();
            var whole = text[..(text.LastIndexOf('\n') + 1)];
            (var votes, last) = Parse(whole, path);
            var note = NoteOf(path, notes);
            CheckLast(path, note, whole);
            if (contains is { Length: > 0 } && !Lines(whole).Any(line => Hash(line) == contains))
                throw new EvaluationException($"{path} has no vote {contains}: votes were taken away or changed since that was the last");
            if (last.Length > 0)
                WriteNote(note, last);
            return votes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{path} cannot be read: {SystemProblem.Of(e)}");
        }
    }

    /// <summary>Appends a vote; it is on disk when this returns.</summary>
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
            Write(LastOf(_file.Name), _last);
            WriteNote(_note, _last);
        }
    }

    static void Write(string path, string text)
    {
        File.WriteAllText(path + ".new", text + "\n");
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>For an account without such a folder (a service's, say), only the note beside the votes exists.</summary>
    static void WriteNote(string path, string last)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Write(path, last);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>SHA-256 of a text, in hexadecimal.</summary>
    internal static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    static string LastOf(string path) => path + ".last";

    static string NoteOf(string path, string? notes) => Path.Combine(notes ?? DefaultNotes, Hash(Path.GetFullPath(path)));

    static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The last noted vote must exist: it ends the file, or one more vote follows it if a crash came between. The vote that this
    /// account noted may be anywhere in the file, since others may have voted since.</summary>
    static void CheckLast(string path, string note, string text)
    {
        // Without a note it is from before there were any, or comes from elsewhere.
        if (File.Exists(LastOf(path)) && File.ReadAllText(LastOf(path)).Trim() is var noted
            && !Lines(text).TakeLast(2).Any(line => Hash(line) == noted))
            throw new EvaluationException(
                $"{path} does not end with the last vote that was cast ({noted}, in {LastOf(path)}): votes were taken away. Bring them back, or, if that is how it should be, remove {LastOf(path)} and {note}");
        if (File.Exists(note) && File.ReadAllText(note).Trim() is { Length: > 0 } known && !Lines(text).Any(line => Hash(line) == known))
            throw new EvaluationException(
                $"{path} lacks a vote that it had when it was last used here ({known}, in {note}): votes were taken away. Bring them back, or, if that is how it should be, remove {note}");
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
        foreach (var (index, line) in Lines(text).Index())
        {
            Vote vote;
            try
            {
                vote = JsonSerializer.Deserialize<Vote>(line, s_json) ?? throw new JsonException("null");
            }
            catch (JsonException e)
            {
                throw new EvaluationException($"{path}, line {index + 1} is no vote: {JsonProblem.Of(e, ofLine: true)}");
            }
            if (vote.Previous != last)
                throw new EvaluationException(
                    $"{path}, line {index + 1} does not follow the line before it: a vote was changed, added or taken out");
            votes.Add(vote);
            last = Hash(line);
        }
        return (votes, last);
    }
}
