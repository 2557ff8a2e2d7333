using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Banyan;

/// <summary>Describes errors in JSON for its author: .NET's own messages name .NET types and count lines from 0.</summary>
static partial class JsonProblem
{
    /// <summary>What a JSON reader's exception says about the text.</summary>
    /// <param name="e">The exception.</param>
    /// <param name="ofLine">Whether the text is one line of a file whose number the message already has.</param>
    public static string Of(Exception e, bool ofLine = false)
    {
        if (e is not JsonException json)
            return e is InvalidOperationException or KeyNotFoundException or NullReferenceException or FormatException
                ? "something is missing or of another kind than is expected" : e.Message.TrimEnd('.');
        var path = json.Path is { Length: > 0 } and not "$" ? json.Path.TrimStart('$', '.') : null;
        var place = json.LineNumber is { } line
            ? string.Create(CultureInfo.InvariantCulture,
                $" ({(ofLine ? "" : $"line {line + 1}, ")}column {(json.BytePositionInLine ?? 0) + 1})") : "";
        var text = json.Message;
        if (Missing().Match(text) is { Success: true } missing)
            return $"{missing.Groups[1].Value.Replace("'", "", StringComparison.Ordinal).TrimEnd('.')} is missing{place}";
        if (json.InnerException is InvalidOperationException { Message: var inner } && inner.Contains("UTF-", StringComparison.Ordinal))
            return $"{path ?? "a value"} is not valid Unicode{place}";
        if (text.Contains("null", StringComparison.Ordinal) && text.Contains("nullab", StringComparison.Ordinal))
            return $"{path ?? "a value"} is null{place}";
        if (text.Contains("could not be converted", StringComparison.Ordinal) || text.Contains("System.", StringComparison.Ordinal)
            || text.Contains("Banyan.", StringComparison.Ordinal))
            return $"{path ?? "the value"} is of another kind than is expected{place}";
        // The rest is about the text: "'x' is an invalid start of a value".
        return text switch
        {
            "null" => "it is null",
            _ when text.Contains("does not contain any JSON tokens", StringComparison.Ordinal) => "it is empty",
            _ when TooDeep().Match(text) is { Success: true } deep => $"it is nested more than {deep.Groups[1].Value} deep",
            _ when EndsEarly().IsMatch(text) => "it ends too early",
            _ => Byte().Replace(Tail().Replace(text, ""), "its byte $1 cannot begin a value").TrimEnd('.'),
        } + place;
    }

    [GeneratedRegex(@"missing required properties,? including:? (.*?)\.?( Path:.*)?\z", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("depth of ([0-9]+) has been exceeded")]
    private static partial Regex TooDeep();

    [GeneratedRegex("'(0x[0-9A-F]{2})' is an invalid start of a value")]
    private static partial Regex Byte();

    [GeneratedRegex("depth to be zero|reached end of data|end of the JSON|incomplete", RegexOptions.IgnoreCase)]
    private static partial Regex EndsEarly();

    [GeneratedRegex(@"( Path: | LineNumber: ).*\z", RegexOptions.Singleline)]
    private static partial Regex Tail();
}
