using Banyan.Server.Accounts;
using Banyan.Server.Repos;

namespace Banyan.Server.Listing;

/// <summary>A repository in a list.</summary>
public sealed record RepoRow(Repo Repo, string? Task, string? Library, long? Parameters)
{
    internal static RepoRow Of((Repo Repo, Listed Listed) row)
    {
        var facts = row.Listed.Read();
        return new(row.Repo, row.Repo.Type == RepoType.Model ? facts.PipelineTag : facts.Tags.FirstOrDefault(t => t.StartsWith("task_categories:", StringComparison.Ordinal))?[16..], facts.Library, row.Listed.Parameters);
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
public sealed record ListView(RepoType Type, IReadOnlyList<RepoRow> Rows, IReadOnlyDictionary<string, string> Asked, string? Next, bool IsFirst)
{
    /// <summary>In words.</summary>
    public string Title => Type switch { RepoType.Model => "Models", RepoType.Dataset => "Data sets", _ => "Spaces" };

    /// <summary>A field of the query, or nothing.</summary>
    public string this[string name] => Asked.GetValueOrDefault(name, "");
}

/// <summary>What a search found.</summary>
public sealed record SearchView(string Query, Account? Owner, IReadOnlyList<(RepoType Type, IReadOnlyList<RepoRow> Rows, bool More)> Found);

/// <summary>A user or an organization with what is theirs.</summary>
public sealed record OwnerView(Account Owner, IReadOnlyList<Member> Members, IReadOnlyList<(RepoType Type, IReadOnlyList<RepoRow> Rows, bool More)> Repos);
