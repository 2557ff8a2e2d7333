using System.Text.Json;

namespace Banyan.Training.Checkpoints;

/// <summary>What two runs' options differ in.</summary>
internal static class Differences
{
    /// <summary>In words; null where they differ in nothing that matters.</summary>
    public static string? Between(TuneOptions before, TuneOptions now)
    {
        var (a, b) = (JsonSerializer.SerializeToElement(before), JsonSerializer.SerializeToElement(now));
        var words = a.EnumerateObject().Where(p => b.GetProperty(p.Name).GetRawText() != p.Value.GetRawText())
            .Select(p => $"{p.Name} was {p.Value.GetRawText()} and is {b.GetProperty(p.Name).GetRawText()}").ToList();
        return words.Count == 0 ? null : string.Join(", ", words);
    }
}
