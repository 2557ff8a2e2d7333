using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Training.Data.Records;

/// <summary>A JSON object on each line, read in memory that does not grow with the file.</summary>
static class JsonLines
{
    /// <summary>Longer lines are rejected, since a line is held in memory.</summary>
    public const int LongestLine = 64 << 20;

    const int DeepestNesting = 64;

    public static IEnumerable<RawRecord> Read(Stream stream, string file)
    {
        var lines = new LineReader(stream);
        for (var number = 1L; lines.Next(); number++)
        {
            var line = lines.Line;
            if (number == 1 && line.Span.StartsWith("\uFEFF"u8))
                line = line[3..];
            if (!lines.IsTooLong && line.Span.Trim(" \t\r"u8).IsEmpty)
                continue; // at the end of many files
            JsonObject? json = null;
            var problem = lines.IsTooLong ? $"the line is longer than {LongestLine >> 20} MiB" : Parse(line.Span, out json);
            yield return new(RawRecord.At(file, "line", number), json, problem);
        }
    }

    /// <summary>Why these bytes are not a record; null if they are.</summary>
    public static string? Parse(ReadOnlySpan<byte> bytes, out JsonObject? json)
    {
        json = null;
        if (!Utf8.IsValid(bytes))
            return $"it is not valid UTF-8 ({BadBytes(bytes)}): save the file as UTF-8";
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = DeepestNesting });
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.BytesConsumed < bytes.Length && !bytes[(int)reader.BytesConsumed..].Trim(" \t\r\n"u8).IsEmpty)
                return "more than one JSON value stands on the line";
            return Object(document.RootElement, out json);
        }
        catch (JsonException e)
        {
            return $"broken JSON: {JsonProblem.Of(e, ofLine: true)}";
        }
    }

    /// <summary>Why a value is not a record; null if it is.</summary>
    public static string? Object(JsonElement element, out JsonObject? json)
    {
        json = ChatTemplate.ReadVariables(element) as JsonObject;
        return json is null
            ? $"it is {(element.ValueKind == JsonValueKind.Array ? "a list" : $"a {element.ValueKind.ToString().ToLowerInvariant()}")}, where a JSON object is needed" : null;
    }

    static string BadBytes(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length
            && System.Text.Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
            at += length;
        return $"byte 0x{bytes[Math.Min(at, bytes.Length - 1)]:X2} at {at + 1}";
    }
}

/// <summary>Lines of a stream, one at a time.</summary>
sealed class LineReader(Stream stream)
{
    byte[] _buffer = new byte[1 << 16];
    int _start, _end;
    bool _ended;

    /// <summary>The line, without its end; valid until the next. Nothing if it is too long.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    public bool IsTooLong { get; private set; }

    /// <summary>Advances to the next line; false at the end.</summary>
    public bool Next()
    {
        var searched = 0;
        IsTooLong = false;
        while (true)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0 || _ended)
            {
                if (at < 0 && _start == _end && !IsTooLong)
                    return false;
                var length = at < 0 ? _end - _start : searched + at;
                Line = IsTooLong ? default : _buffer.AsMemory(_start, length);
                _start = Math.Min(_end, _start + length + 1);
                return true;
            }
            searched = _end - _start;
            if (searched > JsonLines.LongestLine)
                (IsTooLong, searched, _start) = (true, 0, _end); // the rest of it is passed over
            Fill();
        }
    }

    void Fill()
    {
        if (_start > 0)
        {
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        var count = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += count;
        _ended = count == 0;
    }
}
