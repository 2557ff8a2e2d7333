using Banyan.Server.Search;

namespace Banyan.Server.Storage.Databases;

/// <summary>
/// PostgreSQL's index of words in parts, by place. Its GIN gives all rows that match, in no order: of a million repositories a word that is
/// in a fiftieth has twenty thousand, each a page to read. In parts the first page of such a search is found among the first thousands of
/// places, and a word that is rare costs a look into each. Each part has about four times as many repositories as those before it, where
/// downloads are spread as on a real hub.
/// </summary>
static class WordTiers
{
    // Ranks, see KeptWords.Place: 16,000 downloads, 2,000, 360, 90, 31, 15. What a migration made is not changed.
    static readonly int[] s_ranks = [28, 22, 17, 13, 10, 8];

    /// <summary>From which place on and before which, the first ones first.</summary>
    public static IReadOnlyList<(long From, long Before)> All { get; } =
        [.. s_ranks.Select(KeptWords.PlaceAfter).Prepend(0).Zip(s_ranks.Select(KeptWords.PlaceAfter).Append(long.MaxValue))];

    /// <summary>The condition on <c>place</c>, as the index has it.</summary>
    public static string Condition((long From, long Before) tier) => string.Join(" AND ",
        new[] { tier.From > 0 ? $"place >= {tier.From}" : null, tier.Before < long.MaxValue ? $"place < {tier.Before}" : null }
            .OfType<string>());
}
