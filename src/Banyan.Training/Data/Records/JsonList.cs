using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Training.Data.Records;

/// <summary>A file that is one JSON list of objects, as Alpaca's; read one after the other.</summary>
static class JsonList
{
    public static IEnumerable<RawRecord> Read(Stream stream, string file)
    {
        var number = 0L;
        using var items = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(stream, new JsonSerializerOptions { MaxDepth = 64 })
            .ToBlockingEnumerable().GetEnumerator();
        while (true)
        {
            string? problem = null;
            try
            {
                if (!items.MoveNext())
                    yield break;
                number++;
            }
            catch (JsonException e)
            {
                problem = $"broken JSON after item {number:N0}: {JsonProblem.Of(e)}";
            }
            if (problem is not null)
            {
                // Nothing after it can be read.
                yield return new(file, null, problem);
                yield break;
            }
            var wrong = JsonLines.Object(items.Current, out var json);
            yield return new(RawRecord.At(file, "item", number), json, wrong);
        }
    }

    /// <summary>Whether a file begins as a list.</summary>
    public static bool Begins(string path)
    {
        using var stream = File.OpenRead(path);
        var head = new byte[256];
        var start = head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
        if (start.StartsWith("\uFEFF"u8))
            start = start[3..];
        return start.TrimStart(" \t\r\n"u8).StartsWith("["u8);
    }
}
