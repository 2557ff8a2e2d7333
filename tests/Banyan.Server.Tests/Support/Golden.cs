using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Tests;

namespace Banyan.Server.Tests.Support;

/// <summary>
/// Compares whole JSON with a checked-in file: every field, in order. What differs between runs (ids, times, what was asked before) is
/// replaced first; numbers may differ by what another instruction set's rounding makes. <c>BANYAN_ACCEPT_GOLDEN=1</c> writes the files.
/// </summary>
static class Golden
{
    const double Tolerance = 2e-3;

    static readonly JsonSerializerOptions s_indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Check(IEnumerable<JsonElement> events, [CallerMemberName] string name = "") =>
        Check(JsonSerializer.SerializeToElement(events), name);

    public static void Check(JsonElement actual, [CallerMemberName] string name = "")
    {
        var file = Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Golden", $"{name}.json");
        var node = Steady(JsonNode.Parse(actual.GetRawText())!);
        if (Environment.GetEnvironmentVariable("BANYAN_ACCEPT_GOLDEN") == "1")
            File.WriteAllText(file, node.ToJsonString(s_indented) + "\n");
        Assert.True(File.Exists(file), $"{file} is missing; BANYAN_ACCEPT_GOLDEN=1 writes it");
        Compare(JsonNode.Parse(File.ReadAllText(file))!, node, "$");
    }

    /// <summary>Replaces what no two runs share.</summary>
    static JsonNode Steady(JsonNode node)
    {
        switch (node)
        {
            case JsonArray array:
                foreach (var item in array.OfType<JsonNode>())
                    Steady(item);
                break;
            case JsonObject obj:
                foreach (var (name, value) in obj.ToList())
                    if (name == "id" && value is JsonValue id && id.TryGetValue<string>(out var text) && text.Length > 30)
                        obj[name] = text[..(text.LastIndexOfAny(['-', '_']) + 1)] + "…";
                    else if (name is "created" or "memory_bytes" or "system_fingerprint" or "cached_tokens" or "tokens_cached" or "cache_n"
                        or "prompt_n" || name.EndsWith("_ms", StringComparison.Ordinal)
                        || name.EndsWith("_per_second", StringComparison.Ordinal))
                        obj[name] = "…";
                    else if (value is not null)
                        Steady(value);
                break;
        }
        return node;
    }

    static void Compare(JsonNode? expected, JsonNode? actual, string path)
    {
        switch (expected, actual)
        {
            case (JsonObject e, JsonObject a):
                Assert.Equal($"{path}: {string.Join(", ", e.Select(p => p.Key))}", $"{path}: {string.Join(", ", a.Select(p => p.Key))}");
                foreach (var (name, value) in e)
                    Compare(value, a[name], $"{path}.{name}");
                break;
            case (JsonArray e, JsonArray a):
                Assert.True(e.Count == a.Count, $"{path}: {e.Count} items expected, {a.Count} came: {a.ToJsonString()}");
                for (var i = 0; i < e.Count; i++)
                    Compare(e[i], a[i], $"{path}[{i}]");
                break;
            case (JsonValue e, JsonValue a) when e.GetValueKind() == JsonValueKind.Number && a.GetValueKind() == JsonValueKind.Number:
                Assert.True(Math.Abs(e.GetValue<double>() - a.GetValue<double>()) <= Tolerance, $"{path}: {e} expected, {a} came");
                break;
            default:
                Assert.Equal($"{path}: {expected?.ToJsonString() ?? "null"}", $"{path}: {actual?.ToJsonString() ?? "null"}");
                break;
        }
    }
}
