using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Banyan.Evaluation;

/// <summary>What is wrong with a file's JSON, in the file's terms: .NET's own messages speak of its types and count lines from 0.</summary>
static partial class JsonProblem
{
    /// <summary>What an exception of a JSON reader says of the text.</summary>
    /// <param name="e">The exception.</param>
    /// <param name="ofLine">Whether the text is one line of a file, whose number is told already.</param>
    public static string Of(Exception e, bool ofLine = false)
    {
        if (e is not JsonException json)
            return e is InvalidOperationException or KeyNotFoundException or NullReferenceException or FormatException ? "something is missing or of another kind than is expected" : e.Message.TrimEnd('.');
        var path = json.Path is { Length: > 0 } and not "$" ? json.Path.TrimStart('$', '.') : null;
        var place = json.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $" ({(ofLine ? "" : $"line {line + 1}, ")}column {(json.BytePositionInLine ?? 0) + 1})") : "";
        var text = json.Message;
        if (Missing().Match(text) is { Success: true } missing)
            return $"{missing.Groups[1].Value.Replace("'", "", StringComparison.Ordinal).TrimEnd('.')} is missing{place}";
        if (text.Contains("null", StringComparison.Ordinal) && text.Contains("nullab", StringComparison.Ordinal))
            return $"{path ?? "a value"} is null{place}";
        if (text.Contains("could not be converted", StringComparison.Ordinal) || text.Contains("System.", StringComparison.Ordinal) || text.Contains("Banyan.", StringComparison.Ordinal))
            return $"{path ?? "the value"} is of another kind than is expected{place}";
        // The rest is about the text: "'x' is an invalid start of a value".
        return (text == "null" ? "it is null" : Tail().Replace(text, "").TrimEnd('.')) + place;
    }

    [GeneratedRegex(@"missing required properties,? including:? (.*?)\.?( Path:.*)?\z", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex(@"( Path: | LineNumber: ).*\z", RegexOptions.Singleline)]
    private static partial Regex Tail();
}
