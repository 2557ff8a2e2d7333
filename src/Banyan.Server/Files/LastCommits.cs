using Banyan.Server.Git;

namespace Banyan.Server.Files;

/// <summary>Finds which commit touched each of some entries last: back along the first parents, comparing what each path names.</summary>
sealed class LastCommits(RepoTree tree, GitObjects objects)
{
    const int MaxCommits = 1000, MaxLooks = 50_000;

    public async Task<Dictionary<string, Revision>> FindAsync(long repo, Revision head, IReadOnlyList<RepoEntry> entries,
        CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, Revision>();
        var open = entries.ToList();
        var at = head;
        var looks = MaxLooks;
        for (var n = 0; n < MaxCommits && open.Count > 0 && (looks -= open.Count) >= 0 && at.Commit.Parents is [var parentId, ..]; n++)
        {
            var parent = new Revision(parentId, GitCommit.Read(await objects.GetAsync(repo, parentId, GitKind.Commit, cancellationToken)));
            if (parent.Commit.Tree != at.Commit.Tree)
                for (var i = open.Count - 1; i >= 0; i--)
                    if ((await tree.FindAsync(repo, parent.Commit.Tree, open[i].Path, cancellationToken))?.Id != open[i].Id)
                    {
                        found[open[i].Path] = at;
                        open.RemoveAt(i);
                    }
            at = parent;
        }
        foreach (var entry in open)
            found[entry.Path] = at;   // as old as the history, or as was looked back
        return found;
    }
}
