using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>Copies a xorb from one object store to another; only bytes whose hash is right arrive.</summary>
static class XorbCopy
{
    /// <returns>False if it was there already.</returns>
    /// <exception cref="BackupException">It is missing or damaged at the source.</exception>
    public static async Task<bool> RunAsync(IObjectStore from, IObjectStore to, XetHash hash, long storedLength,
        CancellationToken cancellationToken)
    {
        var key = XorbIndex.ObjectKey(hash);
        if (await to.LengthAsync(key, cancellationToken) > storedLength)
            return false;
        await using var stored = await from.OpenAsync(key, 0, null, cancellationToken)
            ?? throw new BackupException($"object {key} is missing: banyan fsck says what needs it");
        await using var draft = to.Begin();
        try
        {
            var layout = await XorbReader.ReadAsync(stored, new ChunkCodec(), draft.Content, cancellationToken);
            if (layout.Hash != hash)
                throw new BackupException($"object {key} has bytes whose hash is {layout.Hash}: banyan fsck says what needs it");
            draft.Content.Write(layout.Footer());
        }
        catch (InvalidDataException e)
        {
            throw new BackupException($"object {key} is damaged ({e.Message.TrimEnd('.')}): banyan fsck says what needs it");
        }
        await draft.CommitAsync(key, cancellationToken);
        return true;
    }
}
