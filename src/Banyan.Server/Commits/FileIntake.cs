using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Commits;

/// <summary>Decides how a file from a browser is stored: text of up to ten megabytes in git, everything else as a large file.</summary>
sealed class FileIntake(ContentStore contents)
{
    const int Sample = 8000;

    /// <summary>Stores a file: a large one in the object store, a small one in the spool.</summary>
    /// <param name="repo">Its repository.</param>
    /// <param name="path">Where it is to lie.</param>
    /// <param name="body">Its bytes.</param>
    /// <param name="attributes">The repository's attributes, which say what is large.</param>
    /// <param name="spool">Where small files wait for the commit, or null where only large ones are stored now.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>What to commit; null for a small file without a spool.</returns>
    public async Task<CommitOperation?> TakeAsync(Repo repo, string path, Stream body, Attributes attributes, Spool? spool,
        CancellationToken cancellationToken)
    {
        using var start = new MemoryStream();
        var buffer = new byte[64 << 10];
        var isLarge = attributes.IsLfs(path);
        while (!isLarge && await body.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            start.Write(buffer, 0, read);
            isLarge = start.Length > CommitReader.MaxFileBytes
                || start.GetBuffer().AsSpan(0, (int)Math.Min(start.Length, Sample)).Contains((byte)0);
        }
        if (!isLarge)
            return spool is null ? null
                : new CommitOperation.File(path, spool.Add(start.GetBuffer().AsSpan(0, (int)start.Length)), (int)start.Length);
        start.Position = 0;
        var file = await contents.IngestAsync(new Chain(start, body), null, null, cancellationToken, repo.Id);
        await contents.GrantAsync(repo.Id, [file.Id], cancellationToken);
        return new CommitOperation.Large(path, file.Sha256, file.Size);
    }

    /// <summary>What was looked at, then the rest.</summary>
    sealed class Chain(Stream first, Stream then) : ReadStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await first.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : await then.ReadAsync(buffer, cancellationToken);
    }
}
