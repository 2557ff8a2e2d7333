using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Evaluation.Reports;

/// <summary>What differs between two JSON values, each by its path.</summary>
static class JsonDifference
{
    /// <summary>Every difference, as <c>path: reported, recomputed</c>. Numbers are equal when they are the same double.</summary>
    public static IEnumerable<string> Of(JsonNode? reported, JsonNode? recomputed, string path = "")
    {
        switch (reported, recomputed)
        {
            case (JsonObject a, JsonObject b):
                foreach (var name in a.Select(p => p.Key).Union(b.Select(p => p.Key)))
                {
                    var at = path.Length == 0 ? name : $"{path}.{name}";
                    if (!a.ContainsKey(name) || !b.ContainsKey(name))
                        yield return $"{at}: {(a.ContainsKey(name) ? Shown(a[name]) : "nothing")} reported, {(b.ContainsKey(name) ? Shown(b[name]) : "nothing")} recomputed";
                    else
                        foreach (var difference in Of(a[name], b[name], at))
                            yield return difference;
                }
                break;
            case (JsonArray a, JsonArray b):
                if (a.Count != b.Count)
                    yield return $"{path}: {a.Count} entries reported, {b.Count} recomputed";
                for (var i = 0; i < Math.Min(a.Count, b.Count); i++)
                    foreach (var difference in Of(a[i], b[i], $"{path}[{Name(a[i]) ?? $"{i}"}]"))
                        yield return difference;
                break;
            default:
                if (!SameValue(reported, recomputed))
                    yield return $"{path}: {Shown(reported)} reported, {Shown(recomputed)} recomputed";
                break;
        }
    }

    /// <summary>Entries are identified by content, not only by position.</summary>
    static string? Name(JsonNode? entry) => entry is not JsonObject o ? null
        : o["id"] is JsonValue id ? $"{id}{(o["sample"] is JsonValue sample && sample.ToString() != "0" ? $"#{sample}" : "")}"
        : o["task"] is JsonValue task ? $"{o["requestedModel"] ?? o["a"]} {task}" : null;

    static bool SameValue(JsonNode? a, JsonNode? b) =>
        a?.GetValueKind() == JsonValueKind.Number && b?.GetValueKind() == JsonValueKind.Number
            ? double.Parse(a.ToJsonString()) == double.Parse(b.ToJsonString())
            : JsonNode.DeepEquals(a, b);

    static string Shown(JsonNode? node) => node?.ToJsonString() is not { } text ? "null" : text.Length > 100 ? text[..100] + "…" : text;
}
