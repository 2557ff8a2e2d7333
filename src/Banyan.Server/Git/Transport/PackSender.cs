using Banyan.Server.Git.Packs;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// The pack of a fetch, on the sideband. Its bytes go out as they are made.
/// <code>
/// 1  kept packs that have nothing but what is wanted, as they are
/// 2  what they do not have, object by object
/// </code>
/// </summary>
sealed class PackSender(GitObjects objects, Reachability reachability, KeptPacks kept, PackKeeper keeper,
    HubDatabase database, PackTurns turns)
{
    const int ReadBatch = 200;

    /// <summary>A fetch of fewer is not looked for in packs.</summary>
    const int FewCommits = 5;

    public async Task SendAsync(Fetch fetch, ShallowBoundary boundary, PacketWriter writer, CancellationToken cancellationToken)
    {
        using var turn = turns.Take();
        var (repo, request, graph) = (fetch.Repo, fetch.Request, fetch.Graph);
        var isWhole = request.Filter == ObjectFilter.None && !request.Deepens && request.Shallow.Count == 0;
        IReadOnlyList<KeptPack> packs = isWhole ? await ChooseAsync(fetch, cancellationToken) : [];

        // History that grows at its end is wanted again from the commits where it ended.
        var collected = new ObjectsToSend(objects, repo.Id, request.Filter, cancellationToken);
        await collected.CollectAsync(
            graph, [.. request.Wants, .. boundary.Gone.SelectMany(graph.ParentsOf)], [.. fetch.Common, .. packs.SelectMany(p => p.Tips)],
            request.Shallow, boundary.Ends);
        if (request.IncludeTag)
        {
            var sent = graph.Difference(packs.SelectMany(p => p.Tips), fetch.Common);
            await collected.IncludeTagsAsync(fetch.Refs.Where(r => r.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal))
                .Select(r => r.Id), sent.Contains);
        }
        var there = await kept.InAsync(packs, collected.Ids, cancellationToken);
        var ids = there.Count == 0 ? collected.Ids : [.. collected.Ids.Where(id => !there.Contains(id))];
        if (isWhole && fetch.Common.Count == 0)
            keeper.Notice(repo.Id, ids.Count);

        var count = packs.Sum(p => p.Objects) + ids.Count;
        if (!request.NoProgress)
            writer.Progress($"Sending {count} objects");
        using var pack = new PackWriter(bytes =>
        {
            for (; bytes.Length > 0; bytes = bytes[Math.Min(bytes.Length, PacketWriter.MaxSideband)..])
                writer.Write(1, bytes[..Math.Min(bytes.Length, PacketWriter.MaxSideband)]);
        });
        pack.Begin(checked((uint)count));
        await using var connection = await database.OpenToStreamAsync(cancellationToken);

        // :: Step 1
        foreach (var one in packs)
            await foreach (var part in kept.PartsAsync(connection, one, cancellationToken))
            {
                pack.Entries(part.Span);
                await writer.SendIfMuchAsync(cancellationToken);
            }

        // :: Step 2
        foreach (var batch in ids.Chunk(ReadBatch))
        {
            var (oids, found) = (batch.Select(i => i.ToArray()).ToArray(), 0);
            var rows = connection.QueryUnbufferedAsync<(string Kind, byte[] Content)>(
                $"SELECT kind, content FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo = repo.Id, oids });
            await foreach (var (kind, content) in rows.WithCancellation(cancellationToken))
            {
                pack.Add(GitKinds.Parse(kind), content);
                found++;
                await writer.SendIfMuchAsync(cancellationToken);
            }
            if (found != batch.Length)
                throw new InvalidDataException(
                    $"{repo.FullName} lacks {batch.Length - found} git objects that its history names: run banyan fsck.");
        }
        pack.End();
    }

    /// <summary>
    /// The kept packs that are sent: the client has all that those before them hold, and none of theirs; and all that they hold is wanted,
    /// since their tips are.
    /// </summary>
    async Task<IReadOnlyList<KeptPack>> ChooseAsync(Fetch fetch, CancellationToken cancellationToken)
    {
        var graph = fetch.Graph;
        if (graph.Difference(fetch.Wanted, fetch.Common).Count < FewCommits && fetch.Common.Count > 0)
            return [];
        var packs = await kept.ListAsync(fetch.Repo.Id, cancellationToken);
        var (had, wanted, before) = (graph.Closure(fetch.Common), graph.Closure(fetch.Wanted), new CommitSet(graph));
        var first = 0;
        for (; first < packs.Count && fetch.Common.Count > 0 && packs[first].Tips.All(t => had.Contains(t) || !graph.Contains(t)); first++)
            before.UnionWith(graph.Closure(packs[first].Tips));
        if (!had.IsSubsetOf(before))
            return [];
        var granted = fetch.Request.Wants.ToHashSet();
        if (fetch.Request.IncludeTag && packs.Any(p => p.Tips.Any(t => !graph.Contains(t))))
            foreach (var tag in fetch.Refs.Where(r => r.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal)))
                if (await reachability.PeeledAsync(fetch.Repo.Id, tag, cancellationToken) is { } peeled && wanted.Contains(peeled))
                    granted.Add(tag.Id);
        var last = first;
        while (last < packs.Count && packs[last].Tips.All(t => wanted.Contains(t) || granted.Contains(t)))
            last++;
        return [.. packs.Take(last).Skip(first)];
    }
}
