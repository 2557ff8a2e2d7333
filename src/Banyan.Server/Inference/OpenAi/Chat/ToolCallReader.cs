using System.Text.Json;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary>
/// Finds the calls in a streamed answer of models that write <c>&lt;tool_call&gt;{"name": …, "arguments": {…}}&lt;/tool_call&gt;</c>
/// (Qwen, Hermes). Text outside is handed on as soon as it cannot be the beginning of the tag.
/// </summary>
sealed class ToolCallReader
{
    const string Open = "<tool_call>", Close = "</tool_call>";

    readonly List<ToolCall> _calls = [];
    string _held = "";
    bool _inside;

    public IReadOnlyList<ToolCall> Calls => _calls;

    /// <summary>Takes the next piece of the answer; returns the text to show now.</summary>
    public string Append(string text)
    {
        _held += text;
        var shown = "";
        while (true)
        {
            var tag = _inside ? Close : Open;
            var at = _held.IndexOf(tag, StringComparison.Ordinal);
            if (at < 0)
                break;
            var before = _held[..at];
            _held = _held[(at + tag.Length)..];
            shown += !_inside ? Tidy(before) : ReadCall(before) ? "" : Open + before + Close;
            _inside = !_inside;
        }
        if (_inside)
            return shown;
        var keep = LongestTail(_held, Open);
        shown += Tidy(_held[..^keep]);
        _held = _held[^keep..];
        return shown;
    }

    /// <summary>The answer has ended: what was held back is text after all, unless it is a whole call without its closing tag.</summary>
    public string Flush()
    {
        var rest = _inside ? ReadCall(_held) ? "" : Open + _held : _held;
        _held = "";
        _inside = false;
        return Tidy(rest);
    }

    /// <summary>The newlines between calls are no content.</summary>
    string Tidy(string text) => _calls.Count > 0 && string.IsNullOrWhiteSpace(text) ? "" : text;

    bool ReadCall(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
                return false;
            var arguments = !root.TryGetProperty("arguments", out var value) ? "{}" : value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
            _calls.Add(new ToolCall($"call_{Guid.NewGuid():N}", "function", new ToolFunction(name.GetString()!, arguments)));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static int LongestTail(string text, string tag)
    {
        for (var length = Math.Min(text.Length, tag.Length - 1); length > 0; length--)
            if (text.EndsWith(tag[..length], StringComparison.Ordinal))
                return length;
        return 0;
    }
}
