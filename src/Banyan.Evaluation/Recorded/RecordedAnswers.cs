using System.Text.Json;

namespace Banyan.Evaluation.Recorded;

/// <summary>
/// Reads answers that a harness recorded: JSON lines (<c>task_id</c> with <c>completion</c>, <c>solution</c> or <c>generation</c>), or one
/// JSON object of item ids with their answers (CRUXEval), EvalPlus's <c>eval</c> results, MultiPL-E's details. Several answers to one item
/// stay several.
/// </summary>
public static class RecordedAnswers
{
    static readonly string[] s_ids = ["task_id", "id", "name"], s_whole = ["solution", "generation"], s_continuation =
        ["completion", "answer", "output", "response", "text"];

    /// <summary>Reads a file, compressed or not; throws <see cref="EvaluationException"/> naming the line that is not understood.</summary>
    public static IReadOnlyList<RecordedAnswer> Read(string file)
    {
        var text = DataFiles.ReadText(file);
        try
        {
            if (JsonLines.IsOneDocument(text))
            {
                using var document = JsonDocument.Parse(text);
                return [.. FromDocument(document.RootElement, file)];
            }
            return [.. JsonLines.Parse(text, file).Select(line => FromElement(line, file))];
        }
        catch (JsonException e)
        {
            throw new EvaluationException($"{file} is neither JSON nor JSON lines: {JsonProblem.Of(e)}");
        }
    }

    static IEnumerable<RecordedAnswer> FromDocument(JsonElement root, string file)
    {
        if (root.ValueKind == JsonValueKind.Array)
            return root.EnumerateArray().Select(element => FromElement(element, file));
        if (root.ValueKind == JsonValueKind.Object
            && (root.TryGetProperty("raw_generations", out var inner) || root.TryGetProperty("eval", out inner)))
            root = inner;
        if (root.ValueKind == JsonValueKind.Object && Id(root) is not null)
            return [FromElement(root, file)];
        if (root.ValueKind != JsonValueKind.Object)
            throw new EvaluationException(
                $"{file}: a list of answers, or an object of item ids with their answers, is expected, not {root.ValueKind}");
        return root.EnumerateObject().SelectMany(item =>
            item.Value.ValueKind == JsonValueKind.Array
                ? item.Value.EnumerateArray().Select(answer => FromAnswer(item.Name, answer, file))
                : [FromAnswer(item.Name, item.Value, file)]);
    }

    static RecordedAnswer FromAnswer(string id, JsonElement answer, string file) => answer.ValueKind switch
    {
        JsonValueKind.String => new(id, answer.GetString()!, Whole: false),
        JsonValueKind.Object => FromElement(answer, file, id),
        // [number, {…}]
        JsonValueKind.Array when answer.GetArrayLength() == 2 && answer[1].ValueKind == JsonValueKind.Object =>
            FromElement(answer[1], file, id),
        _ => throw new EvaluationException($"{file}: the answer to {id} is a {answer.ValueKind}; a text or an object is expected"),
    };

    static string? Id(JsonElement element) => s_ids.Select(name => String(element, name)).FirstOrDefault(id => id is not null);

    static RecordedAnswer FromElement(JsonElement element, string file, string? knownId = null)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new EvaluationException($"{file}: an answer is a {element.ValueKind}; an object is expected");
        var id = Id(element) ?? knownId ?? throw new EvaluationException($"{file}: an answer has no task_id: {Shortened(element)}");
        var program = String(element, "code");
        var whole = s_whole.Select(name => String(element, name)).FirstOrDefault(text => text is not null);
        var text = whole ?? s_continuation.Select(name => String(element, name)).FirstOrDefault(value => value is not null) ?? program
            ?? throw new EvaluationException(
                $"{file}: the answer to {id} has none of {string.Join(", ", s_whole.Concat(s_continuation))}: {Shortened(element)}");
        return new(id, text, whole is not null) { Uncut = String(element, "wholecode"), Program = program };
    }

    static string? String(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static string Shortened(JsonElement element) => element.GetRawText() is var text && text.Length > 120 ? text[..120] + "…" : text;
}
