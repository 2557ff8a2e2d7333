using System.Text.Json;

namespace Banyan.Server.Differences;

/// <summary>
/// What changed between two JSON files, key by key: <c>rope_scaling.factor</c>, <c>layers[3].type</c>. Lists without objects are values as
/// a whole.
/// </summary>
static class JsonDiff
{
    /// <summary>The longest file that is compared.</summary>
    public const int MaxBytes = 512 << 10;

    const int MaxKeys = 20_000, MaxDepth = 32, MaxPath = 1000;

    /// <summary>The difference; a file that is not JSON is reported as such.</summary>
    public static Meaning Of(byte[]? before, byte[]? after)
    {
        try
        {
            var (old, now) = (Flat(before), Flat(after));
            var changes = new List<MeaningChange>();
            foreach (var key in now.Keys.Union(old.Keys))
            {
                var (was, isNow) = (old.GetValueOrDefault(key), now.GetValueOrDefault(key));
                if (was != isNow)
                    changes.Add(new(key, was is null ? "added" : isNow is null ? "removed" : "changed", was, isNow));
            }
            return Meaning.Of(changes, old.Keys.Intersect(now.Keys).Count(k => old[k] == now[k]), 0, null);
        }
        catch (JsonException)
        {
            return Meaning.Failed($"The file is not JSON, is nested deeper than {MaxDepth}, or has more than {MaxKeys} keys.");
        }
    }

    static Dictionary<string, string> Flat(byte[]? file)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        if (file is null)
            return values;
        using var json = JsonDocument.Parse(file,
            new JsonDocumentOptions { MaxDepth = MaxDepth, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        Add(values, "", json.RootElement);
        return values;
    }

    static void Add(Dictionary<string, string> values, string path, JsonElement value)
    {
        if (values.Count > MaxKeys)
            throw new JsonException();
        // Long names would be repeated by everything below them.
        var isOpen = path.Length <= MaxPath;
        if (isOpen && value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Any())
            foreach (var property in value.EnumerateObject())
                Add(values, path.Length == 0 ? property.Name : $"{path}.{property.Name}", property.Value);
        else if (isOpen && value.ValueKind == JsonValueKind.Array && value.EnumerateArray().Any(v => v.ValueKind == JsonValueKind.Object))
            foreach (var (i, item) in value.EnumerateArray().Index())
                Add(values, $"{path}[{i}]", item);
        else
            values[path] = JsonSerializer.Serialize(value, Hub.HubJson.Options);
    }
}
