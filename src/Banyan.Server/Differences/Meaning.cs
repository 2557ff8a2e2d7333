using Banyan.Server.Access;

namespace Banyan.Server.Differences;

/// <summary>What changed in a file, by what it means instead of by its lines.</summary>
/// <param name="Changes">The changes, those by value in order of their size; as many as are shown.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Same">Tensors without a difference in what was compared, or keys with the same value.</param>
/// <param name="NotCompared">Tensors of the same type and shape whose values were not compared.</param>
/// <param name="Problem">Why nothing is known; null otherwise.</param>
public sealed record Meaning(IReadOnlyList<MeaningChange> Changes, int Count, int Same, int NotCompared, ErrorText? Problem)
{
    const int MaxShown = 200, MaxText = 200;

    internal static Meaning Of(List<MeaningChange> changes, int same, int notCompared, ErrorText? problem) => new(
        [.. changes.Take(MaxShown).Select(c => c with { Name = Short(c.Name)!, Before = Short(c.Before), After = Short(c.After) })],
        changes.Count, same, notCompared, problem);

    internal static Meaning Failed(ErrorText problem) => new([], 0, 0, 0, problem);

    static string? Short(string? text) => text is { Length: > MaxText } ? text[..MaxText] + "…" : text;
}

/// <summary>A change.</summary>
/// <param name="Name">The tensor, or the key.</param>
/// <param name="What">added, removed or changed.</param>
/// <param name="Before">Type and shape, or the value, as it was; null where it was not there.</param>
/// <param name="After">As it is.</param>
/// <param name="Difference">‖after − before‖ ÷ ‖before‖ of the numbers compared; null if no numbers were compared.</param>
/// <param name="Sampled">How many numbers were compared; 0 for all of them.</param>
public sealed record MeaningChange(string Name, string What, string? Before, string? After, double? Difference = null, long Sampled = 0);
