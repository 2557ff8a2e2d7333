namespace Banyan.Server.Storage.Objects;

/// <summary>
/// An object being written: it has no name and nobody sees it before <see cref="CommitAsync"/>. Disposing it removes what was not
/// committed.
/// </summary>
public abstract class ObjectDraft : IAsyncDisposable
{
    /// <summary>Where its bytes are written, from the first to the last.</summary>
    public abstract Stream Content { get; }

    /// <summary>Stores what was written, so that it survives a power cut, as <see cref="IObjectStore.PutAsync"/> would.</summary>
    public abstract Task<PutOutcome> CommitAsync(string key, CancellationToken cancellationToken);

    /// <summary>Discards the draft.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A draft for a store that lies elsewhere: a file of this machine until it is sent.</summary>
sealed class SpooledDraft(IObjectStore store, string folder) : ObjectDraft
{
    public override Stream Content { get; } = Private.CreateTemporary(folder, "draft");

    public override Task<PutOutcome> CommitAsync(string key, CancellationToken cancellationToken)
    {
        Content.Flush();
        Content.Position = 0;
        return store.PutAsync(key, Content, Content.Length, cancellationToken);
    }

    public override ValueTask DisposeAsync() => Content.DisposeAsync();
}
