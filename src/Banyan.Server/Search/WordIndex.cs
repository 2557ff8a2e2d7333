using System.Data.Common;
using Banyan.Server.Cards;
using Banyan.Server.Accounts;
using Banyan.Server.Listing;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Search;

/// <summary>Maintains the words by which repositories are found, and their misspellings.</summary>
sealed class WordIndex(HubDatabase database)
{
    const int MaxBody = 600, MaxHead = 300, MostGrams = 32, MaxSpelt = 60;

    /// <summary>Gigabytes of memory and of download that searches ask for, and that are signs therefore.</summary>
    static readonly double[] s_memory = [1, 2, 4, 8, 16, 32, 64, 128], s_download = [0.5, 1, 3, 5, 10, 30, 100];

    /// <summary>
    /// Whether this process has seen the words of all repositories kept: after an upgrade or a restore they come one by one.
    /// </summary>
    public bool IsWhole { get; set; }

    /// <summary>
    /// Words of the name, of the tags and what they stand for, and of the card's text: cut before the transaction that keeps them.
    /// </summary>
    public static (KeptWords Kept, string[] Spelt) Of(Repo repo, Facts facts, IEnumerable<string> tags, string text)
    {
        string[] name = [.. Words.Of(repo.FullName).Distinct()];
        string[] said =
            [.. Words.Of(
                string.Join(' ',
                    [.. facts.Tags, facts.PipelineTag ?? "", TaskNames.Of(facts.PipelineTag), .. facts.Languages.Select(LanguageNames.Of)]))
                        .Distinct().Take(MaxHead)];
        string[] named = [.. name.Select(Words.Stem).Distinct()], head = [.. said.Select(Words.Stem).Except(named)];
        // Addresses in cards are nobody's words.
        var body =
            Words.Of(string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                .Where(w => !w.Contains("://", StringComparison.Ordinal))))
            .Select(Words.Stem).Except(named).Except(head).Take(MaxBody);
        IEnumerable<string> signs = [Type(repo.Type), Owner(repo.OwnerId), .. Grams.Of(Names.Key(repo.FullName)), .. tags.Select(Tag),
            .. Room(facts.Choices.FirstOrDefault()?.Bytes)];
        // Of what nobody else may see no spelling is learnt: it would be told. What is learnt is kept for ever, so a card teaches few.
        return (new(repo.Id, repo.Downloads, named, [.. head, .. signs.Distinct()], [.. body]),
            repo.Private ? [] : [.. name.Union(said).Take(MaxSpelt)]);
    }

    /// <summary>Keeps them, in the transaction that lists the repository.</summary>
    public async Task KeepAsync(DbTransaction t, KeptWords words, string[] spelt)
    {
        await database.KeepWordsAsync(t, words);
        await t.ExecuteAsync("UPDATE listings SET word_place = @Place, ranked = @Downloads WHERE repo_id = @Repo", words);
        if (spelt.Length == 0)
            return;
        var known =
            (await t.QueryAsync<string>($"SELECT word FROM spellings WHERE form {database.In("spelt")} AND word = form",
                new { spelt })).ToHashSet();
        await t.ExecuteAsync("INSERT INTO spellings (form, word) VALUES (@form, @word) ON CONFLICT DO NOTHING",
            spelt.Except(known).SelectMany(word => Spelling.Forms(word).Select(form => new { form, word })));
    }

    /// <summary>What a filter asks for, as signs; what these do not say exactly is asked of each row beside them.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="owner">Row of the namespace that is asked for, or null for all.</param>
    /// <param name="ofAnyType">Whether the filter's type is not asked for.</param>
    public static IReadOnlyList<string> SignsOf(ListFilter filter, long? owner, bool ofAnyType = false)
    {
        List<string> signs = ofAnyType ? [] : [Type(filter.Type)];
        signs.AddRange(filter.Tags.Select(Tag));
        signs.AddRange(filter.Words.SelectMany(Grams.Of).Distinct().Take(MostGrams));
        if (owner is { } row)
            signs.Add(Owner(row));
        if (filter.MostBytes is { } most && s_memory.Select(g => WeightChoice.MostBytes(Bytes(g))).Concat(s_download.Select(Bytes))
            .Where(b => b >= most).DefaultIfEmpty().Min() is > 0 and var bound)
            signs.Add(Least(bound));
        return signs;
    }

    /// <summary>Signs of what the smallest weights fit in.</summary>
    public static IEnumerable<string> Room(long? least) => least is not { } bytes ? []
        : s_memory.Select(g => WeightChoice.MostBytes(Bytes(g))).Concat(s_download.Select(Bytes)).Where(b => b >= bytes)
        .Distinct().Select(Least);

    static long Bytes(double gigabytes) => (long)(gigabytes * 1e9);

    static string Least(long bytes) => WordSearch.Sign($"bytes:{bytes}");

    public static string Type(RepoType type) => WordSearch.Sign($"type:{type.Text()}");

    public static string Owner(long row) => WordSearch.Sign($"owner:{row}");

    public static string Tag(string tag) => WordSearch.Sign($"tag:{tag.ToLowerInvariant()}");
}
