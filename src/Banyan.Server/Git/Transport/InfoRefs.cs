using Banyan.Server.Access;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// <c>GET /{repo}/info/refs?service=…</c>: what is here and what this server understands, the first request of every clone, fetch and push.
/// </summary>
sealed class InfoRefs(Authoriser authoriser, Refs refs, Reachability reachability)
{
    const string Agent = "agent=banyan";

    const string ForFetch =
        "multi_ack_detailed multi_ack no-done thin-pack side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag "
        + "allow-tip-sha1-in-want allow-reachable-sha1-in-want filter";

    const string ForPush = "report-status report-status-v2 delete-refs quiet atomic ofs-delta push-options side-band-64k";

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (service, cancellationToken) = (context.Request.Query["service"].ToString(), context.RequestAborted);
        if (service is not ("git-upload-pack" or "git-receive-pack"))
            throw HubException.BadRequest("This hub speaks git's smart protocol alone: use git 1.6.6 or later.");
        var push = service == "git-receive-pack";
        if (push)
            await authoriser.RepoAsync(context, repo.Type, repo.FullName, Need.Contribute, cancellationToken);
        context.Response.ContentType = $"application/x-{service}-advertisement";
        context.Response.Headers.CacheControl = "no-cache";
        var writer = new PacketWriter(context.Response.BodyWriter);
        var version = GitBody.Version(context);
        if (version == 2 && !push)
        {
            foreach (var line in (string[])["version 2", Agent, "ls-refs=unborn", "fetch=shallow wait-for-done filter",
                "server-option", "object-format=sha1"])
                writer.Line(line);
        }
        else
        {
            writer.Line($"# service={service}");
            writer.Flush();
            if (version == 1)
                writer.Line("version 1");
            await RefsAsync(repo, push, writer, cancellationToken);
        }
        writer.Flush();
        await writer.SendAsync(cancellationToken);
    }

    async Task RefsAsync(Repo repo, bool push, PacketWriter writer, CancellationToken cancellationToken)
    {
        var all = await refs.ListAsync(repo.Id, cancellationToken);
        var main = GitRef.Heads + repo.DefaultBranch;
        var capabilities = $"{(push ? ForPush : $"{ForFetch} symref=HEAD:{main}")} object-format=sha1 {Agent}";
        var isFirst = true;
        void Line(string text)
        {
            writer.Line(isFirst ? $"{text}\0{capabilities}" : text);
            isFirst = false;
        }
        if (!push && all.FirstOrDefault(r => r.Name == main) is { Name: not null } head)
            Line($"{head.Id} HEAD");
        foreach (var one in all)
        {
            Line($"{one.Id} {one.Name}");
            if (!push && await reachability.PeeledAsync(repo.Id, one, cancellationToken) is { } peeled)
                Line($"{peeled} {one.Name}^{{}}");
            await writer.SendIfMuchAsync(cancellationToken);
        }
        if (isFirst)
            Line($"{default(GitId)} capabilities^{{}}");
    }
}
