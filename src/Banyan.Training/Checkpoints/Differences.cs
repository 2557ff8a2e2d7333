using System.Text.Json;
using System.Text.Json.Serialization;

namespace Banyan.Training.Checkpoints;

/// <summary>The differences between two runs' options.</summary>
internal static class Differences
{
    // Without what follows from other options.
    static readonly JsonSerializerOptions s_named =
        new() { Converters = { new JsonStringEnumConverter() }, IgnoreReadOnlyProperties = true };

    /// <summary>In words; null if they differ in nothing that matters.</summary>
    public static string? Between(TuneOptions before, TuneOptions now)
    {
        var (a, b) = (JsonSerializer.SerializeToElement(before, s_named), JsonSerializer.SerializeToElement(now, s_named));
        var words = a.EnumerateObject().Where(p => b.GetProperty(p.Name).GetRawText() != p.Value.GetRawText())
            .Select(p => $"{p.Name} was {p.Value} and is {b.GetProperty(p.Name)}").ToList();
        return words.Count == 0 ? null : string.Join(", ", words);
    }
}
