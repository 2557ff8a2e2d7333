namespace Banyan.Tests;

/// <summary>
/// Proofs over many items that cost a process each: a sample by default, everything where <c>BANYAN_TEST_ALL=true</c>
/// (<c>./check --all</c>). The sample is the same on every machine and in every run.
/// </summary>
static class Sampled
{
    const int Seed = 20261129;

    public static bool All { get; } = Environment.GetEnvironmentVariable("BANYAN_TEST_ALL") == "true";

    /// <summary><paramref name="count"/> of the items, in their order; or all of them.</summary>
    public static IReadOnlyList<T> Of<T>(IEnumerable<T> items, int count)
    {
        var all = items.ToArray();
        if (All || all.Length <= count)
            return all;
        var chosen = Enumerable.Range(0, all.Length).ToArray();
        new Random(Seed).Shuffle(chosen);
        return [.. chosen[..count].Order().Select(i => all[i])];
    }
}
