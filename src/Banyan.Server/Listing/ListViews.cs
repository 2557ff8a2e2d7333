using Banyan.Server.Accounts;
using Banyan.Server.Cards;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Banyan.Server.Search;

namespace Banyan.Server.Listing;

/// <summary>A repository in a list.</summary>
public sealed record RepoRow(Repo Repo, string? Task, string? Library, long? Parameters)
{
    /// <summary>The largest weights that fit the requested memory; null if none was requested.</summary>
    public WeightChoice? Fits { get; private init; }

    /// <summary>A row with why it has the room that a list asks for.</summary>
    internal static RepoRow Of((Repo Repo, Listed Listed) row, ListFilter filter) =>
        Of(row) with { Fits = filter.MostBytes is { } most ? row.Listed.Read().Choices.LastOrDefault(c => c.Bytes <= most) : null };

    internal static RepoRow Of((Repo Repo, Listed Listed) row)
    {
        var facts = row.Listed.Read();
        return new(row.Repo, row.Repo.Type == RepoType.Model ? facts.PipelineTag
            : facts.Tags.FirstOrDefault(t => t.StartsWith("task_categories:", StringComparison.Ordinal))?[16..],
            facts.Library, row.Listed.Parameters);
    }
}

/// <summary>The first page.</summary>
public sealed record HomeView(IReadOnlyList<RepoRow> Loaded, IReadOnlyList<RepoRow> Newest, IReadOnlyList<RepoRow> Datasets);

/// <summary>A list of one type.</summary>
/// <param name="Type">What is listed.</param>
/// <param name="Rows">The page.</param>
/// <param name="Asked">Fields of the query that are not empty.</param>
/// <param name="Next">Address of the next page, or null.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record ListView(RepoType Type, IReadOnlyList<RepoRow> Rows, IReadOnlyDictionary<string, string> Asked,
    string? Next, bool IsFirst)
{
    /// <summary>The properties by which the list can be filtered.</summary>
    public IReadOnlyList<Facet> Facets { get; init; } = [];

    /// <summary>How many repositories match; <see cref="ListSearch.Counted"/> stands for more.</summary>
    public int Counted { get; init; }

    /// <summary>The query that was searched because the original one finds nothing, or null.</summary>
    public string? Corrected { get; init; }

    /// <summary>A field of the query, or nothing.</summary>
    public string this[string name] => Asked.GetValueOrDefault(name, "");
}

/// <summary>What a search found.</summary>
public sealed record SearchView(string Query, Account? Owner, IReadOnlyList<(RepoType Type, IReadOnlyList<RepoRow> Rows, bool More)> Found)
{
    /// <summary>The query that was searched because the original one finds nothing, or null.</summary>
    public string? Corrected { get; init; }
}

/// <summary>A property by which a list can be filtered.</summary>
/// <param name="Name">The query's field.</param>
/// <param name="Title">Name of its title.</param>
/// <param name="Values">Values, how each is called, how many have it.</param>
public sealed record Facet(string Name, string Title, IReadOnlyList<(string Value, string Text, long Count)> Values)
{
    const int Shown = 8;

    /// <summary>Of tags as the index writes them; without values that all have or that were asked for.</summary>
    internal static IReadOnlyList<Facet> Of(RepoType type, IReadOnlyList<(string Tag, long Count)> tags,
        IReadOnlyDictionary<string, string> asked)
    {
        (string Name, string Title, string Prefix)[] kinds = type == RepoType.Model
            ? [("pipeline_tag", "task", ListIndex.Task("")), ("language", "language", ListIndex.Language("")),
                ("license", "license", "license:"), ("format", "weights", ListIndex.Format("")),
                ("library", "library", ListIndex.Library(""))]
            : [("task_categories", "task", "task_categories:"), ("language", "language", "language:"), ("license", "license", "license:")];
        return [.. kinds.Where(k => !asked.ContainsKey(k.Name))
            .Select(k => new Facet(k.Name, k.Title, [.. tags.Where(t => t.Tag.StartsWith(k.Prefix, StringComparison.Ordinal))
            .OrderByDescending(t => t.Count).ThenBy(t => t.Tag, StringComparer.Ordinal).Take(Shown)
            .Select(t => (t.Tag[k.Prefix.Length..], Text(k.Name, t.Tag[k.Prefix.Length..]), t.Count))])).Where(f => f.Values.Count > 0)];
    }

    static string Text(string name, string value) =>
        name switch
        {
            "language" => LanguageNames.English(value),
            "format" => value.ToUpperInvariant(),
            _ => value
        };
}

/// <summary>A user or an organization, with what it owns.</summary>
public sealed record OwnerView(Account Owner, IReadOnlyList<Member> Members,
    IReadOnlyList<(RepoType Type, IReadOnlyList<RepoRow> Rows, bool More)> Repos)
{
    /// <summary>Metadata of the page for programs.</summary>
    public required PageHead PageHead { get; init; }

    /// <summary>How many users follow it.</summary>
    public long Followers { get; init; }

    /// <summary>Whether the visitor follows it; null if that is not possible.</summary>
    public bool? IsFollowed { get; init; }
}
