using System.Text.Json;
using Banyan.Evaluation.Python;

namespace Banyan.Evaluation;

/// <summary>JSON, one value per line.</summary>
static class JsonLines
{
    static readonly JsonDocumentOptions s_options = new() { MaxDepth = 128 };

    /// <summary>Whether a text is one JSON document over one or more lines, not one value per line.</summary>
    public static bool IsOneDocument(string text)
    {
        var start = text.AsSpan().TrimStart();
        if (start.Length == 0 || start[0] == '[')
            return start.Length > 0;
        var first = start.IndexOf('\n') is >= 0 and var end ? start[..end] : start;
        try
        {
            using var _ = JsonDocument.Parse(first.ToString(), s_options);
            return start[first.Length..].IsWhiteSpace();
        }
        catch (JsonException)
        {
            return true; // the first line is no value by itself
        }
    }

    /// <summary>
    /// The values of all lines that are not blank, with Python's numbers: 1 is not 1.0, integers have any size, NaN and Infinity are
    /// accepted.
    /// </summary>
    public static IEnumerable<PythonValue> ParsePython(string text, string file)
    {
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            PythonValue value;
            try
            {
                value = PythonValue.Parse(line);
            }
            catch (FormatException e)
            {
                throw new EvaluationException($"{file}, line {number}: {e.Message}");
            }
            yield return value;
        }
    }

    /// <summary>The values of all lines that are not blank.</summary>
    public static IEnumerable<JsonElement> Parse(string text, string file)
    {
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            JsonElement value;
            try
            {
                using var document = JsonDocument.Parse(line, s_options);
                value = document.RootElement.Clone();
            }
            catch (JsonException e)
            {
                throw new EvaluationException($"{file}, line {number}: not JSON: {JsonProblem.Of(e, ofLine: true)}");
            }
            yield return value;
        }
    }
}
