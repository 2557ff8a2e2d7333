using System.IO.Pipelines;
using Banyan.Server.Access;
using Banyan.Server.Git.Packs;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// Clone and fetch: <c>git-upload-pack</c>, versions 0, 1 and 2 (gitprotocol-pack, gitprotocol-v2). Stateless: each request says all that
/// the server needs.
/// </summary>
sealed class UploadPack(Refs refs, GitObjects objects, CommitGraphs graphs, Reachability reachability, HubDatabase database, PackTurns turns)
{
    /// <summary>The longest request.</summary>
    public const long MaxBodyBytes = 16 << 20;

    const int MaxLines = 250_000, ReadBatch = 200;

    /// <summary>Everything that a request is answered from.</summary>
    sealed record Fetch(Repo Repo, FetchRequest Request, CommitGraph Graph, IReadOnlyList<GitRef> Refs, HashSet<GitId> Reachable, IReadOnlyList<GitId> Wanted)
    {
        public HashSet<GitId> Common { get; } = [];

        /// <summary>Whether each thing that is wanted follows something that both have: then asking on would only save little.</summary>
        public bool IsEnough() => Common.Count > 0 && Wanted.All(w => Graph.Closure([w]).Overlaps(Common));
    }

    /// <summary><c>POST /{repo}/git-upload-pack</c></summary>
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        context.Response.ContentType = "application/x-git-upload-pack-result";
        var writer = new PacketWriter(context.Response.BodyWriter);
        var reader = new PacketReader(GitBody.Reader(context, "upload-pack", MaxBodyBytes), MaxLines);
        try
        {
            if (GitBody.Version(context) == 2)
                await CommandAsync(context, repo, reader, writer);
            else
                await FetchV0Async(context, repo, reader, writer);
        }
        catch (HubException e) when (!context.Response.HasStarted && e.Status is 400 or 404)
        {
            // git shows this line to its user; a status alone it would not explain.
            writer.Line($"ERR {e.Message}");
        }
        await writer.SendAsync(context.RequestAborted);
    }

    async Task CommandAsync(HttpContext context, Repo repo, PacketReader reader, PacketWriter writer)
    {
        string? command = null;
        Packet packet;
        while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
            if (packet.Text.StartsWith("command=", StringComparison.Ordinal))
                command = packet.Text["command=".Length..];
            else if (packet.Text == "object-format=sha256")
                throw HubException.BadRequest("This hub's objects are named by SHA-1.");
        var arguments = new List<string>();
        if (packet.Kind == PacketKind.Delimiter)
            while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
                arguments.Add(packet.Text);
        switch (command)
        {
            case null when packet.Kind is PacketKind.Flush or PacketKind.End: break;
            case "ls-refs": await LsRefsAsync(repo, arguments, writer, context.RequestAborted); break;
            case "fetch": await FetchV2Async(context, repo, arguments, writer); break;
            default: throw HubException.BadRequest($"'{command}' is no command of git that is known here.");
        }
    }

    async Task LsRefsAsync(Repo repo, List<string> arguments, PacketWriter writer, CancellationToken cancellationToken)
    {
        var (peel, symrefs, unborn) = (arguments.Contains("peel"), arguments.Contains("symrefs"), arguments.Contains("unborn"));
        var prefixes = arguments.Where(a => a.StartsWith("ref-prefix ", StringComparison.Ordinal)).Select(a => PacketReader.Utf8(a["ref-prefix ".Length..]) ?? "").ToList();
        bool IsAsked(string name) => prefixes.Count == 0 || prefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal));
        var all = await refs.ListAsync(repo.Id, cancellationToken);
        var main = GitRef.Heads + repo.DefaultBranch;
        if (IsAsked("HEAD"))
        {
            if (all.FirstOrDefault(r => r.Name == main) is { Name: not null } head)
                writer.Line($"{head.Id} HEAD{(symrefs ? $" symref-target:{main}" : "")}");
            else if (unborn)
                writer.Line($"unborn HEAD{(symrefs ? $" symref-target:{main}" : "")}");
        }
        foreach (var one in all.Where(r => IsAsked(r.Name)))
        {
            writer.Line($"{one.Id} {one.Name}{(peel && await reachability.PeeledAsync(repo.Id, one, cancellationToken) is { } peeled ? $" peeled:{peeled}" : "")}");
            await writer.SendIfMuchAsync(cancellationToken);
        }
        writer.Flush();
    }

    async Task FetchV2Async(HttpContext context, Repo repo, List<string> arguments, PacketWriter writer)
    {
        var request = new FetchRequest();
        foreach (var line in arguments)
            if (!request.Take(line))
                throw FetchRequest.Bad(line);
        if (request.Wants.Count == 0)
        {
            writer.Flush();
            return;
        }
        var fetch = await OpenAsync(repo, request, context.RequestAborted);
        if (!request.Done && request.Haves.Count > 0)
        {
            writer.Line("acknowledgments");
            foreach (var have in request.Haves.Where(fetch.Common.Contains).Distinct())
                writer.Line($"ACK {have}");
            if (fetch.Common.Count == 0)
                writer.Line("NAK");
            if (request.WaitForDone || !fetch.IsEnough())
            {
                writer.Flush();
                return;
            }
            writer.Line("ready");
            writer.Delimiter();
        }
        var boundary = await BoundaryAsync(fetch, context.RequestAborted);
        if (request.Deepens || boundary.New.Count > 0)
        {
            writer.Line("shallow-info");
            WriteBoundary(writer, boundary);
            writer.Delimiter();
        }
        writer.Line("packfile");
        await SendAsync(fetch, boundary, writer, context.RequestAborted);
        writer.Flush();
    }

    async Task FetchV0Async(HttpContext context, Repo repo, PacketReader reader, PacketWriter writer)
    {
        var request = new FetchRequest();
        var capabilities = new HashSet<string>();
        Packet packet;
        while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
        {
            var line = packet.Text;
            if (request.Wants.Count == 0 && line.StartsWith("want ", StringComparison.Ordinal) && line.Length > 45)
                (capabilities, line) = ([.. line[45..].Split(' ', StringSplitOptions.RemoveEmptyEntries)], line[..45]);
            if (line.StartsWith("have ", StringComparison.Ordinal) || !request.Take(line))
                throw FetchRequest.Bad(line);
        }
        if (request.Wants.Count == 0)
            return;
        if (!capabilities.Contains("side-band-64k"))
            throw HubException.BadRequest("Fetching needs side-band-64k, which every git since 2006 has.");
        (request.IncludeTag, request.NoProgress, request.DeepenRelative) =
            (capabilities.Contains("include-tag"), capabilities.Contains("no-progress"), capabilities.Contains("deepen-relative"));
        var fetch = await OpenAsync(repo, request, context.RequestAborted);
        var boundary = await BoundaryAsync(fetch, context.RequestAborted);
        if (request.Deepens)
        {
            WriteBoundary(writer, boundary);
            writer.Flush();
        }
        if (await NegotiateAsync(fetch, reader, writer, capabilities, context.RequestAborted))
        {
            await SendAsync(fetch, boundary, writer, context.RequestAborted);
            writer.Flush();
        }
    }

    /// <summary>The haves of versions 0 and 1, answered as they come.</summary>
    /// <returns>Whether the pack follows.</returns>
    static async Task<bool> NegotiateAsync(Fetch fetch, PacketReader reader, PacketWriter writer, HashSet<string> capabilities, CancellationToken cancellationToken)
    {
        var (detailed, multi) = (capabilities.Contains("multi_ack_detailed"), capabilities.Contains("multi_ack") || capabilities.Contains("multi_ack_detailed"));
        var (gotCommon, gotOther, ready) = (false, false, false);
        GitId? last = null;
        while (true)
        {
            var packet = await reader.ReadAsync(cancellationToken);
            if (packet.Kind == PacketKind.Flush)
            {
                if (detailed && gotCommon && !gotOther && fetch.IsEnough())
                {
                    ready = true;
                    writer.Line($"ACK {last} ready");
                }
                if (last is null || multi)
                    writer.Line("NAK");
                if (ready && capabilities.Contains("no-done"))
                {
                    writer.Line($"ACK {last}");
                    return true;
                }
                (gotCommon, gotOther) = (false, false);
                continue;
            }
            if (packet.Kind != PacketKind.Data)
                return false;
            if (packet.Text == "done")
            {
                if (last is null)
                    writer.Line("NAK");
                else if (multi)
                    writer.Line($"ACK {last}");
                return true;
            }
            if (!packet.Text.StartsWith("have ", StringComparison.Ordinal) || !GitId.TryParse(packet.Text.AsSpan(5), out var have))
                throw FetchRequest.Bad(packet.Text);
            if (!fetch.Reachable.Contains(have))
            {
                gotOther = true;
                if (multi && fetch.IsEnough())
                {
                    ready |= detailed;
                    writer.Line($"ACK {have} {(detailed ? "ready" : "continue")}");
                }
                continue;
            }
            gotCommon = true;
            var isFirst = fetch.Common.Count == 0;
            fetch.Common.Add(have);
            last = have;
            if (multi)
                writer.Line($"ACK {have} {(detailed ? "common" : "continue")}");
            else if (isFirst)
                writer.Line($"ACK {have}");
        }
    }

    /// <summary>
    /// Reads the graph and checks what is wanted: the protocol lets a client want any id, and one that no ref leads to is not there for it.
    /// </summary>
    async Task<Fetch> OpenAsync(Repo repo, FetchRequest request, CancellationToken cancellationToken)
    {
        var all = await refs.ListAsync(repo.Id, cancellationToken);
        var tips = await reachability.TipsAsync(repo.Id, all, cancellationToken);
        var graph = await graphs.OfAsync(repo.Id, tips, cancellationToken);
        var reachable = graph.Closure(tips);
        var others = request.Wants.Where(w => !tips.Contains(w) && !reachable.Contains(w)).ToHashSet();
        if (others.Count > 0)
            others.ExceptWith(await reachability.OfAsync(repo.Id, others, cancellationToken));
        if (others.Count > 0)
            throw HubException.NotFound($"upload-pack: not our ref {others.First()}");
        var wanted = new List<GitId>();
        foreach (var want in request.Wants)
        {
            var id = want;
            while (!reachable.Contains(id) && await objects.FindAsync(repo.Id, id, cancellationToken) is { Kind: GitKind.Tag } tag)
                id = GitTag.TargetOf(tag.Content);
            if (reachable.Contains(id))
                wanted.Add(id);
        }
        var fetch = new Fetch(repo, request, graph, all, reachable, wanted);
        fetch.Common.UnionWith(request.Haves.Where(reachable.Contains));
        return fetch;
    }

    async Task<ShallowBoundary> BoundaryAsync(Fetch fetch, CancellationToken cancellationToken)
    {
        var without = new List<GitId>();
        foreach (var name in fetch.Request.DeepenNot)
        {
            string[] names = [name, GitRef.Heads + name, GitRef.Tags + name];
            if (fetch.Refs.FirstOrDefault(r => names.Contains(r.Name)) is not { Name: not null } one)
                throw HubException.BadRequest($"deepen-not is not a ref: {name}");
            without.Add(await reachability.PeeledAsync(fetch.Repo.Id, one, cancellationToken) ?? one.Id);
        }
        if (fetch.Request.Deepens && fetch.Request.Depth is null && fetch.Wanted.Count > 0 && !fetch.Wanted.Any(w => Included(fetch, w, without)))
            throw HubException.BadRequest("no commits selected for shallow requests");
        return ShallowBoundary.Of(fetch.Request, fetch.Graph, fetch.Wanted, without);
    }

    static bool Included(Fetch fetch, GitId id, List<GitId> without) =>
        (fetch.Request.DeepenSince is not { } since || fetch.Graph[id].UnixSeconds >= since) && !fetch.Graph.Closure(without).Contains(id);

    static void WriteBoundary(PacketWriter writer, ShallowBoundary boundary)
    {
        foreach (var end in boundary.New)
            writer.Line($"shallow {end}");
        foreach (var gone in boundary.Gone)
            writer.Line($"unshallow {gone}");
    }

    /// <summary>The pack, on the sideband. Its bytes go out as they are made.</summary>
    async Task SendAsync(Fetch fetch, ShallowBoundary boundary, PacketWriter writer, CancellationToken cancellationToken)
    {
        using var turn = turns.Take();
        var (repo, request) = (fetch.Repo, fetch.Request);
        var send = new ObjectsToSend(objects, repo.Id, request.Filter, cancellationToken);
        // History that grows at its end is wanted again from the commits where it ended.
        await send.CollectAsync(fetch.Graph, [.. request.Wants, .. boundary.Gone.SelectMany(g => fetch.Graph[g].Parents)], fetch.Common, request.Shallow, boundary.Ends);
        if (request.IncludeTag)
            await send.IncludeTagsAsync(fetch.Refs.Where(r => r.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal)).Select(r => r.Id));
        if (!request.NoProgress)
            writer.Progress($"Sending {send.Ids.Count} objects");
        using var pack = new PackWriter(bytes =>
        {
            for (; bytes.Length > 0; bytes = bytes[Math.Min(bytes.Length, PacketWriter.MaxSideband)..])
                writer.Write(1, bytes[..Math.Min(bytes.Length, PacketWriter.MaxSideband)]);
        });
        pack.Begin(send.Ids.Count);
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var batch in send.Ids.Chunk(ReadBatch))
        {
            var (oids, count) = (batch.Select(i => i.ToArray()).ToArray(), 0);
            var rows = connection.QueryUnbufferedAsync<(string Kind, byte[] Content)>(
                $"SELECT kind, content FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo = repo.Id, oids });
            await foreach (var (kind, content) in rows.WithCancellation(cancellationToken))
            {
                pack.Add(GitKinds.Parse(kind), content);
                count++;
                await writer.SendIfMuchAsync(cancellationToken);
            }
            if (count != batch.Length)
                throw new InvalidDataException($"{repo.FullName} lacks {batch.Length - count} git objects that its history names: run banyan fsck.");
        }
        pack.End();
    }
}
