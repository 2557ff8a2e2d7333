using Banyan.Server.Pages;

namespace Banyan.Server.Repos;

/// <summary>The head of every page of a repository.</summary>
/// <param name="Repo">The repository.</param>
/// <param name="Active">Which of its pages this is: card, data, files, history, community, settings.</param>
/// <param name="Revision">The revision that is shown.</param>
public sealed record RepoHeadView(Repo Repo, string Active, string Revision)
{
    /// <summary>The revision as a part of an address.</summary>
    public string RevisionPath => Uri.EscapeDataString(Revision);

    /// <summary>Feeds of what changes in the repository.</summary>
    public IReadOnlyList<(string Title, string Of, string Address)> Feeds =>
        [("feed.commits", Repo.FullName, $"/{Repo.Path}/feed"), ("feed.discussions", Repo.FullName, $"/{Repo.Path}/discussions/feed")];

    /// <summary>The head of one of its pages with these feeds.</summary>
    public PageHead Followed(string address) => new() { Canonical = address, Feeds = Feeds };
}
