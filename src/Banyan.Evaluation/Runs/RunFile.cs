using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Banyan.Evaluation.Efficiency;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// A result as JSON. It has everything a score file has (<see cref="Scoring.ScoreFile"/>), so that <c>banyan eval compare</c> reads it too.
/// </summary>
public static class RunFile
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        WriteIndented = true,
    };

    /// <summary>The JSON of a result, with its headline numbers.</summary>
    public static JsonObject ToJson(RunResult result)
    {
        var json = JsonSerializer.SerializeToNode(result, s_json)!.AsObject();
        json.Remove("score");
        json.Insert(1, "pass@1", result.Score.PassAt(1));
        json.Insert(2, "percent", result.Score.PassAt(1) is { } fraction ? Math.Round(100 * fraction, 4) : null);
        json.Insert(3, "passed", result.Items.Count(i => i.Passed));
        json.Insert(4, "total", result.Items.Count);
        json.Insert(5, "unanswered",
            new JsonObject
            {
                ["empty"] = result.Count(AnswerEnding.Empty),
                ["cutOff"] = result.Count(AnswerEnding.CutOff),
                ["refused"] = result.Count(AnswerEnding.Refused)
            });
        var efficiency = JsonSerializer.SerializeToNode(RunEfficiency.Of(result), s_json)!.AsObject();
        efficiency["energy"] = efficiency.ContainsKey("joules")
            ? $"measured ({EnergyCoverage.Counters((string?)efficiency["energyOf"])})" : "not measured";
        json.Insert(6, "efficiency", efficiency);
        return json;
    }

    /// <summary>The same as text, one line a member.</summary>
    public static string ToText(RunResult result) => ToJson(result).ToJsonString(s_json) + "\n";

    /// <summary>Writes a file atomically.</summary>
    public static void Write(RunResult result, string path)
    {
        var temporary = $"{path}.{Environment.ProcessId}.new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(ToText(result)));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads a file. Throws <see cref="EvaluationException"/> if it is not a result.</summary>
    public static RunResult Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RunResult>(DataFiles.ReadText(path), s_json) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new EvaluationException($"{path} is no result of a run (banyan eval run writes one): {JsonProblem.Of(e)}");
        }
    }

    /// <summary>A result within other JSON; throws <see cref="JsonException"/> if it is not one.</summary>
    internal static RunResult Parse(JsonNode json) => json.Deserialize<RunResult>(s_json) ?? throw new JsonException("null");
}
