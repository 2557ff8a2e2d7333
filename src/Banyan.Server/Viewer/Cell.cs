using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Banyan.Server.Viewer;

/// <summary>Bytes in a cell: how many, and their beginning, by which pictures and sound are recognised.</summary>
/// <param name="Length">How many.</param>
/// <param name="Start">The first of them, or all where they are asked for.</param>
sealed record CellBytes(int Length, ReadOnlyMemory<byte> Start);

/// <summary>A struct in a cell: names and values, in order.</summary>
sealed record CellStruct(IReadOnlyList<KeyValuePair<string, object?>> Members);

/// <summary>
/// A value of a table: null, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/>, <see cref="string"/>, <see cref="CellBytes"/>,
/// <see cref="CellStruct"/>, or a list of those. Written as people read it, as long as is asked for.
/// </summary>
static class Cell
{
    const int MaxDepth = 40;

    /// <summary>The value as text; a text stands as it is, all else as JSON.</summary>
    public static string Text(object? value, int max)
    {
        var text = new StringBuilder();
        Write(text, value, max, MaxDepth, inside: false);
        return Cut(text.ToString(), max);
    }

    /// <summary>The first characters of a text, no half of a pair at the end.</summary>
    public static string Cut(string text, int max) =>
        text.Length <= max ? text : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[max - 1]) ? max - 1 : max), "…");

    /// <summary>
    /// The picture or sound that a cell is: bytes, or a struct with a member "bytes" as data sets of Hugging Face have it.
    /// </summary>
    public static CellBytes? BytesOf(object? value) => value switch
    {
        CellBytes bytes => bytes,
        CellStruct s => s.Members.FirstOrDefault(m => m.Key == "bytes").Value as CellBytes,
        _ => null,
    };

    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    static void Write(StringBuilder text, object? value, int max, int depth, bool inside)
    {
        if (text.Length > max)
            return;
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case long number:
                text.Append(CultureInfo.InvariantCulture, $"{number}");
                break;
            case double number:
                text.Append(Number(number));
                break;
            case string words:
                text.Append(inside ? JsonSerializer.Serialize(Cut(words, max), s_readable) : words);
                break;
            case CellBytes bytes:
                text.Append(CultureInfo.InvariantCulture, $"<{bytes.Length} bytes>");
                break;
            case CellStruct s when depth > 0:
                text.Append('{');
                for (var i = 0; i < s.Members.Count && text.Length <= max; i++)
                {
                    text.Append(i > 0 ? ", " : "").Append(JsonSerializer.Serialize(s.Members[i].Key, s_readable)).Append(": ");
                    Write(text, s.Members[i].Value, max, depth - 1, inside: true);
                }
                text.Append('}');
                break;
            case IReadOnlyList<object?> list when depth > 0:
                text.Append('[');
                for (var i = 0; i < list.Count && text.Length <= max; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Write(text, list[i], max, depth - 1, inside: true);
                }
                text.Append(']');
                break;
            default:
                text.Append('…');
                break;
        }
    }

    static readonly JsonSerializerOptions s_readable =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
