using Banyan.Chunks;
using Banyan.Client.Hub;
using Banyan.Client.Wire;

namespace Banyan.Client;

public sealed partial class HubClient
{
    const int MostFiles = 1_000_000, MostEmptyPages = 3;

    /// <summary>The commit that a revision (branch, tag, commit) points to.</summary>
    /// <exception cref="HubClientException">It does not exist, or the hub does not answer.</exception>
    public async Task<string> CommitOfAsync(RepoId repo, string revision, CancellationToken cancellationToken = default)
    {
        var answer = await JsonAsync(
            () => new HttpRequestMessage(HttpMethod.Get, At($"{repo.Api}/revision/{Uri.EscapeDataString(revision)}")),
            WireJson.Default.RevisionAnswer, $"{repo}@{revision}", cancellationToken);
        return answer.Sha is { Length: 40 or 64 } sha && sha.All(char.IsAsciiHexDigit)
            ? sha
            : throw new HubClientException(HubProblem.WrongAnswer,
                $"{Options.Endpoint.Authority} says that {repo}@{revision} is at commit '{answer.Sha}', which is none");
    }

    /// <summary>All files of a commit, in all folders.</summary>
    /// <exception cref="HubClientException">There is no such repo or revision, or a path would lead out of the folder it is written
    /// to.</exception>
    public async Task<IReadOnlyList<RepoFile>> ListAsync(RepoId repo, string revision, CancellationToken cancellationToken = default)
    {
        var files = new List<RepoFile>();
        var (paths, pages, empty) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<Uri>(), 0);
        var page = At($"{repo.Api}/tree/{Uri.EscapeDataString(revision)}?recursive=true&expand=false");
        while (page is not null)
        {
            var at = page;
            using var answer = await SendAsync(() => Compressed(new HttpRequestMessage(HttpMethod.Get, at)),
                s_apiTimeout, cancellationToken);
            var before = paths.Count;
            foreach (var item in await JsonAsync(answer, WireJson.Default.TreeItemArray, $"{repo}@{revision}", cancellationToken))
                if (paths.Add(item.Path) && item.Type == "file")
                    files.Add(FileOf(item));
            // Pages must come to an end: each brings something new, and none comes twice.
            if (!pages.Add(page) || (empty = paths.Count > before ? 0 : empty + 1) > MostEmptyPages || paths.Count > 2 * MostFiles)
                throw new HubClientException(HubProblem.WrongAnswer,
                    $"{Options.Endpoint.Authority} lists the files of {repo} in pages without an end: nothing was written");
            if (files.Count > MostFiles)
                throw new HubClientException(HubProblem.Refused, $"{repo} has more than {MostFiles} files: pull a part of them");
            page = NextPage(answer);
        }
        return files;
    }

    RepoFile FileOf(TreeItem item)
    {
        if (!RepoPaths.IsSafe(item.Path))
            throw new HubClientException(HubProblem.WrongAnswer,
                $"the hub names a file '{item.Path}', which cannot be written safely: nothing was written");
        if (item.Oid is not { Length: 40 or 64 } || !item.Oid.All(char.IsAsciiHexDigit)
            || (item.Lfs is { } lfs && !(lfs.Oid is { Length: 64 } && lfs.Oid.All(char.IsAsciiHexDigitLower))) || item.Size < 0)
            throw new HubClientException(HubProblem.WrongAnswer,
                $"the hub names '{item.Path}' by '{item.Lfs?.Oid ?? item.Oid}' of {item.Size} bytes, which is no hash of a file");
        return new RepoFile(item.Path, item.Lfs?.Size ?? item.Size, item.Oid, item.Lfs?.Oid,
            XetHash.TryParse(item.XetHash, out var hash) ? hash : null);
    }

    /// <summary><c>Link: &lt;address&gt;; rel="next"</c>, on this hub only.</summary>
    Uri? NextPage(HttpResponseMessage answer)
    {
        if (!answer.Headers.TryGetValues("Link", out var links))
            return null;
        foreach (var link in links.SelectMany(l => l.Split(',')))
            if (link.Contains("rel=\"next\"", StringComparison.Ordinal) && link.IndexOf('<') is var from and >= 0
                && link.IndexOf('>') is var to && to > from)
            {
                var next = new Uri(Options.Endpoint, link[(from + 1)..to]);
                // A hub behind a proxy may name itself differently; its token must not go elsewhere.
                return SameHost(next, Options.Endpoint) ? next : new Uri(Options.Endpoint, next.PathAndQuery.TrimStart('/'));
            }
        return null;
    }

    /// <summary>Where a file's bytes are.</summary>
    internal Uri FileUri(RepoId repo, string commit, string path) => At($"{repo.Page}/resolve/{commit}/{RepoPaths.Escape(path)}");
}
