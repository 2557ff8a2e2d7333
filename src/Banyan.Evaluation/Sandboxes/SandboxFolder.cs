using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// The temporary folder of a <see cref="Sandbox"/>. Root's programs run as an id that owns nothing else: it owns the folder, which is in a
/// place accessible to every account, and gets a copy of whatever it needs that only root can read. Nobody else can enter it.
/// </summary>
sealed partial class SandboxFolder : IDisposable
{
    /// <summary>Maximum bytes copied of one tool. A runtime is 50 to 300 MB.</summary>
    const long MostCopied = 1L << 30;

    const string Prefix = "banyan-sandbox-";

    const UnixFileMode
        Enter = UnixFileMode.OtherExecute, Look = UnixFileMode.OtherExecute | UnixFileMode.OtherRead,
        OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
        Files = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        Programs = Files | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    readonly ConcurrentDictionary<string, Lazy<string>> _places = [];
    readonly bool _forNobody;
    readonly FileStream _alive;

    /// <summary>
    /// Locked as long as this process lives; the lock is released if the process dies, so leftovers of killed processes can be recognised.
    /// </summary>
    const string Alive = "alive";

    SandboxFolder(string path, bool forNobody, FileStream alive)
    {
        (Path, _forNobody, _alive) = (path, forNobody, alive);
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>
    /// Creates a folder, and removes those of this user's killed processes. Throws <see cref="SandboxException"/> naming the place that
    /// does not work.
    /// </summary>
    /// <param name="nobody">The id of programs outside; null if they keep this user's.</param>
    /// <param name="temporary">The parent folder: <c>TMPDIR</c>.</param>
    public static SandboxFolder Create(int? nobody, string? temporary = null)
    {
        temporary ??= System.IO.Path.GetTempPath();
        string[] places = [temporary, .. nobody is null ? Array.Empty<string>() : ["/tmp", "/var/tmp", "/run", "/dev/shm"]];
        var refused = new List<string>();
        foreach (var place in places.Distinct())
        {
            if (nobody is not null && Closed(place) is { } closed)
            {
                refused.Add(closed);
                continue;
            }
            RemoveLeft(place, nobody);
            try
            {
                return Make(place, nobody);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                refused.Add($"{place} ({e.Message})");
            }
        }
        throw new SandboxException(nobody is null
            ? $"no folder can be made in {string.Join(", ", refused)}: name another in the variable TMPDIR"
            : $"root's programs run as an id that owns nothing, and there is no folder for them that every account may enter: {string.Join(", ", refused)}. Name one in the variable TMPDIR, or run as another user");
    }

    static SandboxFolder Make(string place, int? nobody)
    {
        var name = Prefix + System.IO.Path.GetRandomFileName();
        var path = System.IO.Path.Combine(System.IO.Path.GetFullPath(place), name);
        // It gets its name when it is locked: until then nobody takes it for one that was left.
        var unnamed = Directory.CreateDirectory(System.IO.Path.Combine(System.IO.Path.GetFullPath(place), "." + name)).FullName;
        SetMode(unnamed, OwnersAlone);
        if (nobody is { } id && ChangeOwner(unnamed, id, id) != 0)
        {
            Directory.Delete(unnamed);
            throw new SandboxException(
                $"root here cannot give a folder to the id {id}, as which it runs programs (a container with too few ids?): run as another user");
        }
        var alive = new FileStream(System.IO.Path.Combine(unnamed, Alive), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Directory.Move(unnamed, path);
        return new(path, nobody is not null, alive);
    }

    /// <summary>A folder for one run, with its files.</summary>
    public async Task<string> AddAsync(string name, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files,
        CancellationToken cancellationToken)
    {
        var work = Directory.CreateDirectory(System.IO.Path.Combine(Path, name, "work")).FullName;
        foreach (var (file, content) in files)
            await File.WriteAllBytesAsync(System.IO.Path.Combine(work, System.IO.Path.GetFileName(file)), content, cancellationToken);
        Open(System.IO.Path.Combine(Path, name)); // whatever the umask
        return work;
    }

    /// <summary>Removes a run's folder.</summary>
    public void Remove(string name)
    {
        try
        {
            Directory.Delete(System.IO.Path.Combine(Path, name), recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // The process ends, and all of it is gone.
        }
    }

    /// <summary>The path at which a program finds a file or folder of this machine: itself, or a copy if its id cannot read it.</summary>
    public string Readable(string path) => _forNobody ? _places.GetOrAdd(path, p => new(() => Find(p))).Value : path;

    static readonly EnumerationOptions s_everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    string Find(string path)
    {
        var real = RealPath(path);
        // One that is not there is bubblewrap's to name.
        return Facts(real) is null || (Closed(path) is null && AllOpen(real)) ? path : Copy(path);
    }

    string Copy(string path)
    {
        var target = System.IO.Path.Combine(Path, $"copy-{Guid.NewGuid():N}");
        var left = MostCopied;
        try
        {
            CopyInto(RealPath(path), target, ref left);
            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SandboxException(
                $"the sandbox needs {path}, which only root may read ({Closed(path) ?? path}), and it cannot be copied to {Path}: {e.Message} Let every account read it (chmod -R o+rX), or name a folder with more room in the variable TMPDIR");
        }
    }

    static void CopyInto(string path, string target, ref long left)
    {
        switch (Facts(path)?.Kind)
        {
            case Regular:
                left -= new FileInfo(path).Length;
                if (left < 0)
                    throw new IOException($"it has more than {MostCopied / 1_000_000} MB.");
                var runs = Mode(path).HasFlag(UnixFileMode.UserExecute);
                File.Copy(path, target);
                SetMode(target, runs ? Programs : Files);
                break;
            case Link:
                File.CreateSymbolicLink(target, new FileInfo(path).LinkTarget!);
                break;
            case Folder:
                Directory.CreateDirectory(target);
                SetMode(target, Programs);
                foreach (var entry in new DirectoryInfo(path).EnumerateFileSystemInfos("*", s_everything))
                    CopyInto(entry.FullName, System.IO.Path.Combine(target, entry.Name), ref left);
                break;
            default:
                break; // a socket, a pipe: no part of a tool
        }
    }

    /// <summary>Lets every account that can enter <see cref="Path"/> read its contents.</summary>
    void Open(string path)
    {
        if (!_forNobody)
            return;
        SetMode(path, Programs);
        foreach (var entry in new DirectoryInfo(path).EnumerateFileSystemInfos("*", s_everything))
            if (entry is DirectoryInfo)
                Open(entry.FullName);
            else
                SetMode(entry.FullName, Files);
    }

    /// <summary>
    /// The first folder on the way to a path (inclusive) that an id which owns nothing cannot enter; null if there is none.
    /// </summary>
    static string? Closed(string path)
    {
        var real = RealPath(path);
        for (var folder = Directory.Exists(real) ? real
            : System.IO.Path.GetDirectoryName(real); folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
            if (Directory.Exists(folder) && (Mode(folder) & Enter) == 0)
                return folder;
        return null;
    }

    /// <summary>Whether such an id can read a file, or all of a folder.</summary>
    static bool AllOpen(string path)
    {
        var mode = Mode(path);
        return Facts(path)?.Kind switch
        {
            Folder => (mode & Look) == Look && new DirectoryInfo(path).EnumerateFileSystemInfos("*", s_everything)
                .All(e => AllOpen(e.FullName)),
            Regular => (mode & UnixFileMode.OtherRead) != 0
                && (!mode.HasFlag(UnixFileMode.UserExecute) || (mode & UnixFileMode.OtherExecute) != 0),
            _ => true,
        };
    }

    static string RealPath(string path)
    {
        var found = RealPathOf(path, 0);
        if (found == 0)
            return System.IO.Path.GetFullPath(path);
        var real = Marshal.PtrToStringUTF8(found)!;
        Free(found);
        return real;
    }

    /// <summary>
    /// Removes this user's folders that no living process has locked. Another user's are left alone, even for root: its owner could change
    /// it meanwhile.
    /// </summary>
    static void RemoveLeft(string place, int? nobody)
    {
        try
        {
            foreach (var folder in Directory.EnumerateDirectories(place, Prefix + "*"))
                if (Facts(folder) is { Kind: Folder, Owner: var owner } && (owner == nobody || owner == (int)EffectiveUser()))
                    RemoveUnheld(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is in it cannot be seen.
        }
    }

    static void RemoveUnheld(string folder)
    {
        try
        {
            using (new FileStream(System.IO.Path.Combine(folder, Alive), FileMode.Open, FileAccess.Write, FileShare.None))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // In use, or being removed by another.
        }
    }

    static UnixFileMode Mode(string path) => OperatingSystem.IsWindows()
        ? throw new PlatformNotSupportedException() : File.GetUnixFileMode(path);

    static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, mode);
    }

    const int Folder = 4, Link = 10, Regular = 8;

    /// <summary>A path's file type (S_IFMT's four bits) and owner.</summary>
    static (int Kind, int Owner)? Facts(string path)
    {
        Span<byte> result = stackalloc byte[256];
        return StatX(CurrentFolder, path, NoFollow, TypeAndOwner, result) == 0
            ? (BinaryPrimitives.ReadUInt16LittleEndian(result[28..]) >> 12, BinaryPrimitives.ReadInt32LittleEndian(result[20..])) : null;
    }

    const int CurrentFolder = -100, NoFollow = 0x100;
    const uint TypeAndOwner = 0x1 | 0x8;

    void OnExit(object? sender, EventArgs e) => Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        try
        {
            if (Directory.Exists(Path))
                Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A program that is just being ended still adds to it; the next sandbox removes it.
        }
        _alive.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, int user, int group);

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPathOf(string path, nint buffer);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, Span<byte> result);
}
