using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>A row of <c>xorbs</c> without its layout.</summary>
sealed record XorbRow(long Id, byte[] Hash, long StoredLength, long RawLength)
{
    public const string Page =
        $"SELECT id, hash, stored_length, raw_length FROM xorbs WHERE id > @after AND keep_until <> -1 ORDER BY id LIMIT @Size";

    public XetHash XetHash => new(Hash);

    public string Key => XorbIndex.ObjectKey(XetHash);
}

/// <summary>Xorbs, their objects and the index of their chunks.</summary>
sealed class XorbCheck(HubDatabase database, IObjectStore objects, CheckReport report, Pace pace)
{
    static readonly TimeSpan s_young = TimeSpan.FromDays(1);

    readonly ChunkCodec _codec = new();

    public async Task RunAsync(XorbRow row, CancellationToken cancellationToken)
    {
        if (await ProblemAsync(row, cancellationToken) is { } problem && await ProblemAgainAsync(row, cancellationToken))
            report.Findings.Add(new Finding(true, $"object {row.Key}", problem, await RemedyAsync(row, cancellationToken)));
        if (await IndexProblemAsync(row, cancellationToken) is { } index && await IsThereAsync(row, cancellationToken))
            report.Findings.Add(new Finding(true, $"object {row.Key}", index, "restore the database from a backup (banyan restore)"));
        report.Xorbs++;
    }

    /// <summary>What two more looks find as well (a store may fail now and then), and the collector was not about to remove.</summary>
    async Task<bool> ProblemAgainAsync(XorbRow row, CancellationToken cancellationToken) =>
        await IsThereAsync(row, cancellationToken) && await ProblemAsync(row, cancellationToken) is not null
        && await ProblemAsync(row, cancellationToken) is not null && await IsThereAsync(row, cancellationToken);

    Task<bool> IsThereAsync(XorbRow row, CancellationToken cancellationToken) => database.ReadAsync(
        async c => await c.ExecuteScalarAsync<long?>("SELECT id FROM xorbs WHERE id = @Id AND keep_until <> @Condemned",
            new { row.Id, XorbIndex.Condemned }) is not null, cancellationToken);

    async Task<string?> ProblemAsync(XorbRow row, CancellationToken cancellationToken)
    {
        var length = await objects.LengthAsync(row.Key, cancellationToken);
        await using var stored = await objects.OpenAsync(row.Key, 0, null, cancellationToken);
        if (length is null || stored is null)
            return "is missing";
        var packed = await LayoutAsync(row, cancellationToken);
        if (packed is null)
            return null;   // collected meanwhile
        var layout = new XorbLayout(row.XetHash, XorbIndex.Unpack(packed));
        if (layout.StoredLength != row.StoredLength || layout.RawLength != row.RawLength)
            return $"has a row that says {row.StoredLength} bytes stored and {row.RawLength} raw, where its layout has {layout.StoredLength} and {layout.RawLength}";
        if (length != row.StoredLength + layout.FooterLength)
            return $"has {length} bytes; {row.StoredLength + layout.FooterLength} were stored";
        try
        {
            await using var paced = pace.Over(stored);
            var actual = await XorbReader.ReadAsync(paced, _codec, null, cancellationToken);
            if (actual.Hash != row.XetHash)
                return $"has bytes whose hash is {actual.Hash}";
            return actual.Chunks.AsSpan().SequenceEqual(layout.Chunks.AsSpan()) ? null : "has chunks other than its row says";
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return $"is damaged: {e.Message}";
        }
    }

    Task<byte[]?> LayoutAsync(XorbRow row, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT layout FROM xorbs WHERE id = @Id", row), cancellationToken);

    /// <summary>Every row of the index that leads here leads to that very chunk.</summary>
    async Task<string?> IndexProblemAsync(XorbRow row, CancellationToken cancellationToken)
    {
        if (await LayoutAsync(row, cancellationToken) is not { } packed)
            return null;
        var layout = XorbIndex.Unpack(packed);
        var rows =
            await database.ReadAsync(c => c.QueryAsync<(byte[] Hash, int Number)>("SELECT hash, number FROM chunks WHERE xorb_id = @Id",
                row), cancellationToken);
        foreach (var (hash, number) in rows)
            if (number < 0 || number >= layout.Length || layout[number].Hash != new XetHash(hash))
                return $"is said by the index to have chunk {new XetHash(hash)} as number {number}, which it has not";
        return null;
    }

    async Task<string> RemedyAsync(XorbRow row, CancellationToken cancellationToken)
    {
        var files = (await database.ReadAsync(
            c => c.QueryAsync<byte[]>(
                "SELECT f.sha256 FROM content_xorbs x JOIN contents f ON f.id = x.content_id WHERE x.xorb_id = @Id LIMIT 3", row),
                    cancellationToken)).AsList();
        return files.Count == 0
            ? "nothing needs it; it goes with the next collection (banyan hub gc)"
            : $"copy it from a backup's folder objects/ to the object store under the same name; needed by {string.Join(", ", files.Select(Convert.ToHexStringLower))}{(files.Count == 3 ? ", …" : "")}";
    }

    /// <summary>What uploads left that died before they were recorded.</summary>
    public async Task RunOrphansAsync(CancellationToken cancellationToken)
    {
        long count = 0, bytes = 0;
        await foreach (var stored in objects.ListAsync("", cancellationToken))
        {
            if (DateTimeOffset.UtcNow - stored.Modified < s_young || !stored.Key.StartsWith("xorbs/", StringComparison.Ordinal))
                continue;
            var known = XetHash.TryParse(stored.Key[(stored.Key.LastIndexOf('/') + 1)..], out var hash) && await database.ReadAsync(
                async c => await c.ExecuteScalarAsync<long?>("SELECT id FROM xorbs WHERE hash = @hash", new { hash = hash.ToArray() })
                    is not null, cancellationToken);
            (count, bytes) = known ? (count, bytes) : (count + 1, bytes + stored.Length);
        }
        if (count > 0)
            report.Findings.Add(new Finding(false, "the object store",
                $"has {count} objects of {bytes} bytes that nothing refers to (uploads that were cut off)",
                "nothing: they are collected when their grace time is over"));
    }
}
