using System.Buffers;
using System.Runtime.CompilerServices;
using Banyan.Server.Storage.Objects.Packing;

namespace Banyan.Server.Storage.Objects;

/// <summary>
/// Objects as files under a folder. A put writes a temporary file in the same file system, flushes it to the disk, links it under
/// its name and flushes the folder: after a power cut the object is whole or absent. If requested, BF16 weights are stored packed
/// (<see cref="PackedLayout"/>) in a file whose name says so, invisibly to readers of the store.
/// </summary>
public sealed class DiskObjectStore : IObjectStore
{
    const int CopyBytes = 1 << 20;

    /// <summary>Ends the name of a packed file; no key has such a character.</summary>
    const string Packed = "~packed";

    readonly string _objects, _incoming;
    readonly bool _packs;

    /// <summary>Opens the store, creating it if missing, under <paramref name="folder"/>.</summary>
    /// <param name="folder">The folder of the objects.</param>
    /// <param name="packs">Whether new BF16 weights are stored packed; packed ones can be read either way.</param>
    public DiskObjectStore(string folder, bool packs = false)
    {
        _packs = packs;
        _objects = Path.Combine(Path.GetFullPath(folder), "objects");
        _incoming = Path.Combine(Path.GetFullPath(folder), "incoming");
        Private.CreateFolder(Path.GetFullPath(folder));
        Private.CreateFolder(_objects);
        Private.CreateFolder(_incoming);
    }

    string PathOf(string key) => Path.Combine(_objects, ObjectKey.Checked(key).Replace('/', Path.DirectorySeparatorChar));

    static bool Exists(string path) => File.Exists(path) || File.Exists(path + Packed);

    /// <inheritdoc/>
    public bool Packs(ReadOnlySpan<byte> bytes) => _packs && PackedLayout.Pays(bytes);

    /// <inheritdoc/>
    public async Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken)
    {
        if (Exists(PathOf(key)))
            return PutOutcome.AlreadyThere;
        await using var draft = new Draft(this);
        await CopyAsync(content, draft.Content, length, cancellationToken);
        return await draft.CommitAsync(key, cancellationToken);
    }

    /// <inheritdoc/>
    public ObjectDraft Begin() => new Draft(this);

    /// <summary>A file beside the objects, in the same file system: committing it is a flush and a new name, no copy.</summary>
    sealed class Draft(DiskObjectStore store) : ObjectDraft
    {
        readonly string _temporary = Path.Combine(store._incoming, Guid.NewGuid().ToString("N"));
        PackingStream? _content;
        bool _moved;

        public override Stream Content => Packing;

        PackingStream Packing => _content ??= new(new DirectFile(_temporary), store._packs);

        public override async Task<PutOutcome> CommitAsync(string key, CancellationToken cancellationToken)
        {
            var path = store.PathOf(key);
            if (Exists(path))
                return PutOutcome.AlreadyThere;
            Packing.Finish(flush: true);
            await Packing.DisposeAsync();
            store.MakeFolder(Path.GetDirectoryName(path)!);
            if (Packing.IsPacked)
                path += Packed;
            try
            {
                File.Move(_temporary, path, overwrite: false);
                _moved = true;
            }
            catch (IOException) when (File.Exists(path))
            {
                return PutOutcome.AlreadyThere;
            }
            DiskFlush.Folder(Path.GetDirectoryName(path)!);
            return PutOutcome.Stored;
        }

        public override async ValueTask DisposeAsync()
        {
            if (_content is null)
                return;
            await _content.DisposeAsync();
            if (!_moved)
                File.Delete(_temporary);
        }
    }

    static async Task CopyAsync(Stream content, Stream file, long length, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (var left = length; left > 0;)
            {
                var read = await content.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), cancellationToken);
                if (read == 0)
                    throw new EndOfStreamException($"{left} of {length} bytes are missing.");
                file.Write(buffer, 0, read);
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Makes a folder and flushes each parent that got a new entry.</summary>
    void MakeFolder(string folder)
    {
        if (Directory.Exists(folder))
            return;
        if (folder.Length > _objects.Length)
            MakeFolder(Path.GetDirectoryName(folder)!);
        Private.CreateFolder(folder);
        DiskFlush.Folder(Path.GetDirectoryName(folder)!);
    }

    /// <inheritdoc/>
    public Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken)
    {
        var path = PathOf(key);
        try
        {
            if (File.Exists(path + Packed))
                return Task.FromResult<Stream?>(
                    new PackedStream(File.OpenHandle(path + Packed, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete,
                        FileOptions.SequentialScan), offset, length));
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1,
                FileOptions.SequentialScan);
            file.Position = offset;
            return Task.FromResult<Stream?>(length is { } limit ? new LimitedStream(file, limit) : file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
    }

    /// <inheritdoc/>
    public Task<long?> LengthAsync(string key, CancellationToken cancellationToken)
    {
        var path = PathOf(key);
        return Task.FromResult(PackedLength(path + Packed) ?? (new FileInfo(path) is { Exists: true } file ? file.Length : null));
    }

    /// <summary>Bytes of the object in a packed file, 0 if it is damaged, null if there is no such file.</summary>
    static long? PackedLength(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var packed = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return PackedLayout.Length(packed);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (InvalidDataException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public Task<bool> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var path = PathOf(key);
        var there = Exists(path);
        if (there)
        {
            File.Delete(path);
            File.Delete(path + Packed);
            DiskFlush.Folder(Path.GetDirectoryName(path)!);
        }
        return Task.FromResult(there);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Only the folder that the prefix names is walked, not the whole store.
        var folder = Path.Combine(_objects, prefix[..(prefix.LastIndexOf('/') + 1)]);
        if (!Directory.Exists(folder))
            yield break;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var key = Path.GetRelativePath(_objects, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            var isPacked = key.EndsWith(Packed, StringComparison.Ordinal);
            if (isPacked)
                key = key[..^Packed.Length];
            if (key.StartsWith(prefix, StringComparison.Ordinal) && (isPacked ? PackedLength(file.FullName) : Length(file)) is { } length)
                yield return new StoredObject(key, length, file.LastWriteTimeUtc);
        }
        await Task.CompletedTask;
    }

    // Null for one that was removed since its folder was read.
    static long? Length(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>None: the server reads its own disk.</summary>
    public Uri? PresignGet(string key, TimeSpan validity) => null;

    /// <summary>None: the server reads its own disk.</summary>
    public Uri? PresignGet(string key, TimeSpan validity, long first, long last) => null;

    /// <summary>Removes what interrupted uploads left behind.</summary>
    /// <returns>How many files.</returns>
    public int Sweep(TimeSpan olderThan)
    {
        var removed = 0;
        foreach (var file in new DirectoryInfo(_incoming).EnumerateFiles())
            if (DateTime.UtcNow - file.LastWriteTimeUtc > olderThan)
            {
                file.Delete();
                removed++;
            }
        return removed;
    }
}
