using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Evaluation.Scoring;

/// <summary>Scores as JSON, as <c>banyan eval score --json</c> prints and <c>banyan eval compare</c> reads them.</summary>
public static class ScoreFile
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>The JSON of a score: <c>pass@1</c> is a fraction, <c>items</c> contains every verdict.</summary>
    public static string ToJson(Score score) => new JsonObject
    {
        ["task"] = score.Task,
        ["pass@1"] = score.PassAt(1),
        ["percent"] = score.PassAt(1) is { } fraction ? Math.Round(100 * fraction, 4) : null,
        ["passed"] = score.Items.Count(i => i.Passed),
        ["total"] = score.Items.Count,
        ["items"] =
            new JsonArray(
                [.. score.Items.Select(i => new JsonObject { ["id"] = i.Id, ["sample"] = i.Sample, ["passed"] = i.Passed,
                    ["reason"] = i.Reason })]),
    }.ToJsonString(s_indented);

    /// <summary>
    /// Reads one score file, or all <c>*.json</c> of a folder. Throws <see cref="EvaluationException"/> naming what is not understood.
    /// </summary>
    public static IReadOnlyList<Score> Read(string path) =>
        Directory.Exists(path) ? [.. Directory.GetFiles(path, "*.json").Order(StringComparer.Ordinal).Select(ReadFile)] : [ReadFile(path)];

    static Score ReadFile(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(DataFiles.ReadText(file));
            var root = document.RootElement;
            return new(root.GetProperty("task").GetString()!,
                [.. root.GetProperty("items").EnumerateArray().Select((item, index) => new ItemScore(
                item.GetProperty("id").GetString()!,
                item.TryGetProperty("sample", out var sample) ? sample.GetInt32() : 0,
                item.GetProperty("passed").GetBoolean(),
                item.TryGetProperty("reason", out var reason) ? reason.GetString() ?? "" : ""))]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EvaluationException($"{file} is no score (banyan eval score --json writes one): {JsonProblem.Of(e)}");
        }
    }
}
