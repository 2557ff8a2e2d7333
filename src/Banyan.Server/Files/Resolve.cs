using System.Globalization;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary><c>HEAD</c> and <c>GET /{id}/resolve/{rev}/{path}</c>: a file, or a range of it. Never compressed on the way: clients resume by
/// byte. <c>/blob/</c>, which is what people copy from a browser, gives the same; <c>/raw/</c> gives what git holds, which for a large file
/// is its pointer. Of a commit that no ref reaches any more it gives the files that the refs still reach: a download of a branch that is
/// rewritten meanwhile continues, and what was removed from the history is gone.</summary>
sealed class Resolve(Revisions revisions, Reachability reachability, RepoTree tree, GitObjects objects, HeldFiles held,
    ContentStore contents, XetLinks xet, Downloads downloads)
{
    const string Sandbox = "default-src 'none'; sandbox";

    public Task FileAsync(HttpContext context, Repo repo) => AnswerAsync(context, repo, raw: false);

    public Task RawAsync(HttpContext context, Repo repo) => AnswerAsync(context, repo, raw: true);

    async Task AnswerAsync(HttpContext context, Repo repo, bool raw)
    {
        var cancellationToken = context.RequestAborted;
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        var revision = await revisions.GetStoredAsync(repo, name, cancellationToken);
        var commit = revision.Id.ToString();
        var found = await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken);
        if (await revisions.IsLeftAsync(repo, revision, cancellationToken)
            && (found is null || (await reachability.OfAsync(repo.Id, [found.Id], cancellationToken)).Count == 0))
            throw HubException.RevisionNotFound(name);
        if (found is not { IsFolder: false } entry)
            throw HubException.EntryNotFound(path, commit);

        var (response, headers) = (context.Response, context.Response.Headers);
        var pointer = raw ? null : entry.Lfs;
        // A pointer is what somebody wrote: only what the repository holds follows from it.
        var file = pointer is null ? null : await held.FindAsync(repo.Id, pointer.Sha256, cancellationToken)
            ?? throw new HubException(404, "EntryNotFound",
                $"{path} is a pointer to {pointer.Sha256}, which was never uploaded to {repo.FullName}.")
            { Commit = commit };
        var size = file?.Size ?? (entry.Lfs is { } lfs ? lfs.PointerSize : entry.Size);
        var etag = $"\"{pointer?.Sha256.ToString() ?? entry.Id.ToString()}\"";

        headers["X-Repo-Commit"] = commit;
        headers.ETag = etag;
        headers.AcceptRanges = "bytes";
        headers.ContentSecurityPolicy = Sandbox;
        headers.ContentDisposition = Disposition(path, context.Request.Query.ContainsKey("download"));
        if (file is not null)
        {
            headers["X-Linked-Etag"] = etag;
            headers["X-Linked-Size"] = size.ToString(CultureInfo.InvariantCulture);
            if (xet.Answer(context, repo, revision.Id, file))
                return;
        }
        if (Preconditions(context, etag) is { } status)
        {
            response.StatusCode = status;
            return;
        }
        response.ContentType = ContentTypes.Of(path, file is not null);

        var range = new ByteRange(0, size);
        if ((context.Request.Headers.IfRange.Count == 0 || context.Request.Headers.IfRange == etag)
            && ByteRange.TryParse(context.Request.Headers.Range, size, out var part))
        {
            headers.ContentRange = part is { } p ? string.Create(CultureInfo.InvariantCulture, $"bytes {p.Start}-{p.End}/{size}")
                : string.Create(CultureInfo.InvariantCulture, $"bytes */{size}");
            if (part is null)
                throw new HubException(416, null, $"The file has {size} bytes; the range lies outside.");
            (range, response.StatusCode) = (part.Value, StatusCodes.Status206PartialContent);
        }
        response.ContentLength = range.Length;
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        if (range.Start == 0)
            downloads.Count(repo.Id);
        if (file is null)
            await response.BodyWriter.WriteAsync(
                (await objects.GetAsync(repo.Id, entry.Id, GitKind.Blob, cancellationToken)).AsMemory((int)range.Start, (int)range.Length),
                cancellationToken);
        else
            await contents.WriteToAsync(await held.OpenAsync(file, cancellationToken), range.Start, range.Length,
                response.BodyWriter, cancellationToken);
    }

    /// <summary>What a conditional request is answered with instead of the file, or null.</summary>
    static int? Preconditions(HttpContext context, string etag)
    {
        var headers = context.Request.Headers;
        if (headers.IfMatch.Count > 0 && !Matches(headers.IfMatch, etag))
            return StatusCodes.Status412PreconditionFailed;
        return headers.IfNoneMatch.Count > 0 && Matches(headers.IfNoneMatch, etag) ? StatusCodes.Status304NotModified : null;
    }

    static bool Matches(IEnumerable<string?> tags, string etag) =>
        tags.SelectMany(t => (t ?? "").Split(',', StringSplitOptions.TrimEntries)).Any(t => t == "*" || t == etag || t == "W/" + etag);

    static string Disposition(string path, bool attachment)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var plain = name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        return $"{(attachment ? "attachment" : "inline")}; {(plain ? $"filename=\"{name}\"" : $"filename*=UTF-8''{Uri.EscapeDataString(name)}")}";
    }
}
