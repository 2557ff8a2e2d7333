using System.Buffers;
using System.Net;
using System.Security.Cryptography;

namespace Banyan.Evaluation.Data;

/// <summary>The folder of downloaded data files, each verified by its hash.</summary>
public sealed class DataStore : IDisposable
{
    const int Attempts = 4;

    /// <summary>Maximum bytes of an archive, most of which may be unused.</summary>
    const long MostArchiveBytes = 256L << 20;

    static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);

    readonly HttpClient _http;
    readonly Func<TimeSpan, CancellationToken, Task> _wait;

    /// <param name="folder">The folder; created when something is downloaded.</param>
    /// <param name="mirror">An address that has all files by name, used instead of their sources.</param>
    public DataStore(string folder, Uri? mirror = null) : this(folder, mirror, Task.Delay)
    {
    }

    internal DataStore(string folder, Uri? mirror, Func<TimeSpan, CancellationToken, Task> wait)
    {
        (Folder, Mirror, _wait) = (Path.GetFullPath(folder), mirror, wait);
        _http = new(new SocketsHttpHandler { MaxAutomaticRedirections = 5 }) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("banyan-eval");
    }

    /// <summary><c>$XDG_CACHE_HOME/banyan/evaluation/data</c>, or the same under <c>~/.cache</c>.</summary>
    public static string DefaultFolder => Path.Combine(Tasks.JudgeOptions.DefaultCacheFolder, "data");

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Where files are fetched from instead of their sources.</summary>
    public Uri? Mirror { get; }

    /// <summary>Whether a file is present and has the right hash.</summary>
    public async Task<bool> HasAsync(DataSource source, CancellationToken cancellationToken = default)
    {
        var path = Path.Combine(Folder, source.File);
        if (source.Uses is { } uses)
            return Directory.Exists(path) && FolderHash.Of(path, uses) == (source.Sha256, source.Bytes);
        if (!File.Exists(path) || new FileInfo(path).Length != source.Bytes)
            return false;
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken)) == source.Sha256;
    }

    /// <summary>
    /// The path of a file or folder, which is downloaded if missing. Throws <see cref="EvaluationException"/> if it is unavailable or has
    /// the wrong hash.
    /// </summary>
    public async Task<string> FetchAsync(DataSource source, Action<string>? say = null, CancellationToken cancellationToken = default)
    {
        var path = Path.Combine(Folder, source.File);
        if (await HasAsync(source, cancellationToken))
            return path;
        var address = Mirror is null ? source.Address
            : new($"{Mirror.ToString().TrimEnd('/')}/{source.File}{(source.Uses is null ? "" : ".tar.gz")}");
        say?.Invoke(
            $"fetching {source.File} ({source.Bytes:N0} bytes{(source.Uses is null ? "" : " of an archive")}) from {address}\n  licence: {source.Licence}");
        Directory.CreateDirectory(Folder);
        var temporary = $"{path}.{Environment.ProcessId}.new";
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var problem = await TryAsync(address, temporary, source.Uses is null ? source : null, cancellationToken);
                if (problem is null)
                    break;
                if (!problem.Value.MayPass || attempt == Attempts)
                    throw new EvaluationException(
                        $"{source.File} cannot be fetched from {address}: {problem.Value.Message}. Fetch it elsewhere and name its folder with --data DIR, or a mirror with --mirror URL");
                await _wait(s_firstWait * Math.Pow(2, attempt - 1), cancellationToken);
            }
            if (source.Uses is { } uses)
                await UnpackAsync(source, uses, address, temporary, path, cancellationToken);
            else
                File.Move(temporary, path, overwrite: true);
            return path;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Replaces the folder atomically: it is complete and verified, or unchanged.</summary>
    static async Task UnpackAsync(DataSource source, Func<string, bool> uses, Uri address, string archive, string path,
        CancellationToken cancellationToken)
    {
        var folder = $"{path}.{Environment.ProcessId}.folder";
        try
        {
            Directory.CreateDirectory(folder);
            var problem = await RepositoryArchive.UnpackAsync(archive, folder, uses, source.Bytes, cancellationToken);
            if (problem is null && FolderHash.Of(folder, uses) is var (sha256, _) && sha256 != source.Sha256)
                problem = $"the SHA-256 of what is used of it is {sha256} and not {source.Sha256}: these are other data";
            if (problem is not null)
                throw new EvaluationException($"{source.File} from {address}: {problem}");
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            Directory.Move(folder, path);
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Downloads a file; a pinned one must have the right hash.</summary>
    async Task<(string Message, bool MayPass)?> TryAsync(Uri address, string temporary, DataSource? pinned,
        CancellationToken cancellationToken)
    {
        var most = pinned?.Bytes ?? MostArchiveBytes;
        var buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            time.CancelAfter(TimeSpan.FromMinutes(10));
            using var response = await _http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, time.Token);
            if (!response.IsSuccessStatusCode)
                return ($"{(int)response.StatusCode} {response.ReasonPhrase}",
                    response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
                        || (int)response.StatusCode >= 500);
            await using var content = await response.Content.ReadAsStreamAsync(time.Token);
            await using var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var length = 0L;
            while (await content.ReadAsync(buffer, time.Token) is > 0 and var count)
            {
                length += count;
                if (length > most)
                    return ($"it is longer than {most:N0} bytes: these are other data", false);
                hash.AppendData(buffer, 0, count);
                await file.WriteAsync(buffer.AsMemory(0, count), time.Token);
            }
            if (pinned is not null && length < pinned.Bytes)
                return ($"it ended after {length:N0} of {pinned.Bytes:N0} bytes", true);
            if (pinned is not null && Convert.ToHexStringLower(hash.GetHashAndReset()) is var found && found != pinned.Sha256)
                return ($"its SHA-256 is {found} and not {pinned.Sha256}: these are other data", false);
            file.Flush(flushToDisk: true);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (e is OperationCanceledException ? "no answer within 10 minutes" : e.Message, true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
