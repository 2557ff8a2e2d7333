using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>Tells an uploading client where a chunk is already stored, with its neighbours, whoever uploaded it. The neighbours' hashes are
/// keyed: they reveal nothing to a client without the same chunks, and referring to a chunk takes its hash
/// (<see cref="ShardIntake"/>).</summary>
sealed class DedupEndpoint(XetAccess access, ContentStore contents, Secrets secrets, ContentOptions options, TimeProvider time)
{
    // Every 1,024th chunk may be asked for, and the first of a file.
    const ulong Every = 1024;

    // About 16 GB of a file, in an answer of 12 MB.
    const int MostXorbs = 256;

    // Clients go on using an answer for a week after it says that it expires.
    static readonly TimeSpan s_clientsMargin = TimeSpan.FromDays(8);

    /// <summary>GET /v1/chunks/{prefix}/{hash}</summary>
    public async Task<IResult> GetAsync(HttpContext context, string hash, CancellationToken cancellationToken)
    {
        await access.GrantAsync(context, write: true);
        var chunk = Hashes.Parse(hash);
        if (await contents.Xorbs.FindChunkAsync(chunk, cancellationToken) is not { } place
            || (chunk.LastWord % Every != 0 && !await contents.Xorbs.BeginsFileAsync(place, cancellationToken))
            || options.Grace <= s_clientsMargin)
            throw HubException.NotFound("No stored xorb is known to begin here.");

        // Not only the chunk's own xorb: a file of gigabytes has xorbs in which no chunk may be asked for.
        var held =
            await contents.Xorbs.HoldAsync([.. await contents.Xorbs.BesideAsync(place.Xorb, MostXorbs, cancellationToken)],
                cancellationToken);
        if (!held.Contains(place.Xorb))
            throw HubException.NotFound("The xorb with this chunk is being removed.");
        var xorbs = new List<ShardXorb>();
        foreach (var xorb in held)
            xorbs.Add(Describe(await contents.Xorbs.LayoutAsync(xorb, cancellationToken)));
        var now = time.GetUtcNow();
        var answer = new MemoryStream();
        new Shard([], [.. xorbs]).WriteKeyed(answer, await KeyAsync(now, cancellationToken), now, now + options.Grace - s_clientsMargin);
        return Results.Bytes(answer.GetBuffer().AsMemory(0, (int)answer.Length), "application/octet-stream");
    }

    /// <summary>A key for each day: what was learned from one answer does not help to read those of another day.</summary>
    async Task<byte[]> KeyAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        HMACSHA256.HashData(await secrets.KeyAsync(Secrets.Dedup, cancellationToken),
            Encoding.ASCII.GetBytes(now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)));

    static ShardXorb Describe(XorbLayout layout)
    {
        var chunks = new ShardChunk[layout.Chunks.Length];
        for (var i = 0; i < chunks.Length; i++)
            chunks[i] = new ShardChunk(layout.Chunks[i].Hash, layout.Chunks[i].RawEnd - layout.RawLengthOf(i), layout.RawLengthOf(i));
        return new ShardXorb(layout.Hash, [.. chunks], (uint)layout.RawLength, (uint)layout.StoredLength);
    }
}
