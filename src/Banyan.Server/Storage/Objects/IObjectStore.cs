namespace Banyan.Server.Storage.Objects;

/// <summary>The outcome of a put.</summary>
public enum PutOutcome
{
    /// <summary>The object is stored, and survives a power cut.</summary>
    Stored,

    /// <summary>An object of that name existed and was left unchanged.</summary>
    AlreadyThere,
}

/// <summary>An object as a listing names it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Modified">When it was stored.</param>
public readonly record struct StoredObject(string Key, long Length, DateTimeOffset Modified);

/// <summary>
/// The store of the bytes of large files: immutable objects, named by their content. Two implementations pass one contract suite:
/// <see cref="DiskObjectStore"/> and <see cref="S3ObjectStore"/>.
/// </summary>
/// <remarks>
/// A key is lower-case letters, digits, <c>. _ -</c> and <c>/</c> between non-empty parts; other keys throw
/// <see cref="ArgumentException"/>.
/// </remarks>
public interface IObjectStore
{
    /// <summary>Stores an object. An existing one is never overwritten: same key, same content.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="content">Its bytes, from the stream's position on; the stream can seek.</param>
    /// <param name="length">How many.</param>
    /// <param name="cancellationToken">Cancels the work; nothing is stored then.</param>
    /// <exception cref="EndOfStreamException">There are fewer bytes; nothing is stored.</exception>
    Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken);

    /// <summary>
    /// Whether it keeps bytes like these in three quarters of them or less by itself: then weak compression of chunks gains nothing.
    /// </summary>
    bool Packs(ReadOnlySpan<byte> bytes) => false;

    /// <summary>Begins an object whose name is known only when all its bytes are.</summary>
    ObjectDraft Begin();

    /// <summary>Opens an object's bytes.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many at most, or null for all.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The bytes, or null if there is no such object. Empty from the end on.</returns>
    Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken);

    /// <summary>An object's length, or null if there is none.</summary>
    Task<long?> LengthAsync(string key, CancellationToken cancellationToken);

    /// <summary>Removes an object.</summary>
    /// <returns>Whether there was one (a store that cannot tell says true).</returns>
    Task<bool> DeleteAsync(string key, CancellationToken cancellationToken);

    /// <summary>All objects whose keys begin with <paramref name="prefix"/>, in no order.</summary>
    IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>A URL from which anyone can read the object until then, or null if only this store can.</summary>
    Uri? PresignGet(string key, TimeSpan validity);

    /// <summary>
    /// A URL from which anyone can read bytes <paramref name="first"/> to <paramref name="last"/> until then, asking for exactly that
    /// range, and no others; null if only this store can.
    /// </summary>
    Uri? PresignGet(string key, TimeSpan validity, long first, long last);
}

static class ObjectKey
{
    /// <exception cref="ArgumentException">Not a key: see <see cref="IObjectStore"/>.</exception>
    public static string Checked(string key)
    {
        var start = 0;
        for (var i = 0; i <= key.Length; i++)
        {
            if (i < key.Length && key[i] != '/')
            {
                if (!char.IsAsciiLetterLower(key[i]) && !char.IsAsciiDigit(key[i]) && key[i] is not ('.' or '_' or '-'))
                    throw new ArgumentException($"'{key}' is no object key: '{key[i]}' may not stand in one.", nameof(key));
                continue;
            }
            if (key.AsSpan(start..i) is "" or "." or "..")
                throw new ArgumentException($"'{key}' is no object key: a part of it is empty, '.' or '..'.", nameof(key));
            start = i + 1;
        }
        return key.Length <= 512 ? key
            : throw new ArgumentException($"An object key of {key.Length} characters; 512 are allowed.", nameof(key));
    }
}
