using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Banyan.Evaluation.Transcripts;

/// <summary>
/// Every answer of a run, one JSON line each, appended durably: a paid answer is never lost. A line truncated by a crash is dropped when
/// the file is opened again.
/// </summary>
public sealed class Transcript : IDisposable
{
    /// <summary>Longer than any answer: a file that is not a transcript may have lines of any length.</summary>
    const int MaximumLineBytes = 64 << 20;

    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
    };

    readonly FileStream _file, _lock;
    readonly Lock _gate = new();
    readonly Dictionary<TranscriptKey, TranscriptEntry> _entries = [];

    Transcript(FileStream file, FileStream @lock) => (_file, _lock) = (file, @lock);

    /// <summary>All answers; the first of several under one key.</summary>
    public IReadOnlyCollection<TranscriptEntry> Entries
    {
        get
        {
            lock (_gate)
                return [.. _entries.Values];
        }
    }

    /// <summary>
    /// Opens a file to continue it, or creates one. Throws <see cref="EvaluationException"/> if another run has it open, or it is not a
    /// transcript.
    /// </summary>
    public static Transcript Open(string path)
    {
        FileStream file;
        FileStream? owner = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            // The lock is a file of its own: others may read the transcript meanwhile.
            owner = new(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            owner?.Dispose();
            throw new EvaluationException($"{path} cannot be written to (does another run use it?): {SystemProblem.Of(e)}");
        }
        try
        {
            var transcript = new Transcript(file, owner);
            var whole = 0L;
            foreach (var (entry, end) in Lines(file, path))
            {
                transcript._entries.TryAdd(entry.Key, entry);
                whole = end;
            }
            file.SetLength(whole);
            file.Position = whole;
            return transcript;
        }
        catch
        {
            file.Dispose();
            owner.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads a transcript, one answer after the other. Throws <see cref="EvaluationException"/> naming an invalid line; a truncated last
    /// line is skipped.
    /// </summary>
    public static IEnumerable<TranscriptEntry> Read(string path)
    {
        FileStream file;
        try
        {
            file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{path} cannot be read: {SystemProblem.Of(e)}");
        }
        using (file)
            foreach (var (entry, _) in Lines(file, path))
                yield return entry;
    }

    /// <summary>The answer recorded under a key, or null.</summary>
    public TranscriptEntry? Find(TranscriptKey key)
    {
        lock (_gate)
            return _entries.GetValueOrDefault(key);
    }

    /// <summary>Appends an answer; it is on disk when this returns.</summary>
    public void Append(TranscriptEntry entry)
    {
        var line = Line(entry);
        lock (_gate)
        {
            if (!_entries.TryAdd(entry.Key, entry))
                return;
            _file.Write(line);
            _file.Flush(flushToDisk: true);
        }
    }

    /// <summary>The bytes of an answer's line, including its line end.</summary>
    public static byte[] Line(TranscriptEntry entry) => [.. JsonSerializer.SerializeToUtf8Bytes(entry, s_json), (byte)'\n'];

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    /// <summary>Every complete line's entry, with the position after it.</summary>
    static IEnumerable<(TranscriptEntry Entry, long End)> Lines(FileStream file, string path)
    {
        var buffer = new byte[1 << 16];
        var (filled, number, position) = (0, 0, 0L);
        file.Position = 0;
        while (true)
        {
            var end = Array.IndexOf(buffer, (byte)'\n', 0, filled);
            if (end < 0)
            {
                if (filled == buffer.Length)
                {
                    if (filled >= MaximumLineBytes)
                        throw new EvaluationException(
                            $"{path}, line {number + 1} is longer than {MaximumLineBytes} bytes: this is no transcript");
                    Array.Resize(ref buffer, buffer.Length * 2);
                }
                var read = file.Read(buffer, filled, buffer.Length - filled);
                if (read == 0)
                    yield break; // what is left has no end: a crash tore it
                filled += read;
                continue;
            }
            number++;
            position += end + 1;
            if (Parse(buffer.AsSpan(0, end), path, number) is { } entry)
                yield return (entry, position);
            buffer.AsSpan(end + 1, filled - end - 1).CopyTo(buffer);
            filled -= end + 1;
        }
    }

    static TranscriptEntry? Parse(ReadOnlySpan<byte> line, string path, int number)
    {
        if (line.Trim((byte)' ').IsEmpty)
            return null;
        try
        {
            return JsonSerializer.Deserialize<TranscriptEntry>(line, s_json);
        }
        catch (JsonException e)
        {
            var shown = Encoding.UTF8.GetString(line[..Math.Min(line.Length, 80)]);
            throw new EvaluationException(
                $"{path}, line {number} is no answer of a transcript ({JsonProblem.Of(e, ofLine: true)}): {shown}");
        }
    }
}
