using System.Collections.Concurrent;
using Banyan.Client.Cache;
using Banyan.Client.Push;
using Banyan.Client.Transfers;
using Banyan.Client.Xet;

namespace Banyan.Client;

/// <summary>
/// Uploads a folder to a hub.
/// <code>
/// 1  the repo exists, or is created
/// 2  how does the hub want each file, and which has it already?
/// 3  large files: read once for SHA-256 and chunks; which has it?
/// 4  send the rest: as chunks that it does not have, or whole
/// 5  one commit, or none where nothing changed
/// </code>
/// Every step may be repeated: an interrupted push resumes and sends only what has not arrived.
/// </summary>
public sealed class Pusher(HubClient hub)
{
    long _bytes, _done, _reused, _uploaded;
    int _files, _filesDone;
    long _toHash, _hashed;

    TransferProgress Progress() =>
        new(_files, _filesDone, Interlocked.Read(ref _bytes), Interlocked.Read(ref _done), Interlocked.Read(ref _reused))
        {
            BytesToHash = Interlocked.Read(ref _toHash),
            BytesHashed = Interlocked.Read(ref _hashed),
        };

    /// <summary>Pushes.</summary>
    /// <param name="request">What and where.</param>
    /// <param name="progress">Called several times a second, or null.</param>
    /// <param name="cancellationToken">Cancels the work; what was sent need not be sent again.</param>
    /// <exception cref="ArgumentException">There is nothing to push.</exception>
    /// <exception cref="HubClientException">The hub refuses or stops responding.</exception>
    public async Task<PushResult> PushAsync(PushRequest request, IProgress<TransferProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var files = LocalFile.Find(request.Source);
        _files = files.Count;
        _bytes = files.Sum(f => f.Size);
        using var ticking = Ticker.Start(progress, Progress);

        // :: Step 1
        await hub.CreateRepoAsync(request.Repo, request.Private, cancellationToken);
        if (request.Revision != "main")
            await hub.CreateBranchAsync(request.Repo, request.Revision, cancellationToken);

        // :: Step 2
        var ignore = files.FirstOrDefault(f => f.Path == ".gitignore") is { } list
            ? await File.ReadAllTextAsync(list.LocalPath, cancellationToken) : null;
        var modes = await hub.PreuploadAsync(request.Repo, request.Revision, files, ignore, cancellationToken);
        var small = new List<LocalFile>();
        foreach (var file in files.Where(f => modes[f.Path] is { UploadMode: "regular", ShouldIgnore: false }))
        {
            var unchanged = modes[file.Path].Oid is { } known && known == await file.BlobIdAsync(cancellationToken);
            if (!unchanged)
                small.Add(file);
            Finished(file.Size, unchanged);
        }
        foreach (var file in files.Where(f => modes[f.Path].ShouldIgnore))
            Finished(file.Size, true);

        // :: Step 3
        var scanned = new ConcurrentBag<ScannedFile>();
        var toHash = files.Where(f => modes[f.Path] is { UploadMode: "lfs", ShouldIgnore: false }).ToList();
        Interlocked.Exchange(ref _toHash, toHash.Sum(f => f.Size));
        await Parallel.ForEachAsync(
            toHash, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken },
            async (file, token) => scanned.Add(await file.ScanAsync(read => Interlocked.Add(ref _hashed, read), token)));
        var large = new List<ScannedFile>();
        foreach (var file in scanned.OrderBy(f => f.File.Path, StringComparer.Ordinal))
            if (modes[file.File.Path].Oid == file.Sha256)
                Finished(file.File.Size, true);
            else
                large.Add(file);

        // :: Step 4
        if (large.Count > 0)
            await SendAsync(request, large, cancellationToken);

        // :: Step 5
        if (small.Count == 0 && large.Count == 0)
            return new PushResult(files.Count, 0, 0, 0, null, null);
        var commit = await hub.CommitAsync(request.Repo, request.Revision, request.Message, small, large, cancellationToken);
        var bytes = small.Sum(f => f.Size) + large.Sum(f => f.File.Size);
        return new PushResult(files.Count, small.Count + large.Count, bytes, _uploaded + small.Sum(f => f.Size),
            commit.CommitOid, commit.CommitUrl);
    }

    async Task SendAsync(PushRequest request, List<ScannedFile> large, CancellationToken cancellationToken)
    {
        var answers = await hub.BatchAsync(request.Repo, request.Revision, large, request.UseChunks, cancellationToken);
        var chunks = new List<ScannedFile>();
        foreach (var (transfer, file, item) in answers.DistinctBy(a => a.File.Sha256))
            if (item.Actions is not { Count: > 0 } actions)
                Finished(file.File.Size, true);
            else if (transfer == "xet")
                chunks.Add(file);
            else
            {
                await LfsUpload.RunAsync(hub, file, actions, request.Parallel, sent => Interlocked.Add(ref _done, sent), cancellationToken);
                _uploaded += file.File.Size;
                Interlocked.Increment(ref _filesDone);
            }
        foreach (var (_, file, _) in answers.Except(answers.DistinctBy(a => a.File.Sha256)))
            Finished(file.File.Size, true);   // the same bytes under another path
        if (chunks.Count == 0)
            return;

        using var cas = new CasClient(hub, request.Repo, request.Revision, write: true);
        using var upload = new ChunkUpload(cas, UploadLog.Of(hub.Options), new Recipes(Recipes.In(hub.Options.StateFolder)),
            request.Parallel, (length, wasThere) =>
        {
            Interlocked.Add(ref _done, length);
            if (wasThere)
                Interlocked.Add(ref _reused, length);
        });
        await upload.RunAsync(chunks, cancellationToken);
        _uploaded += upload.Uploaded;
        _filesDone += chunks.Count;
    }

    void Finished(long size, bool wasThere)
    {
        Interlocked.Increment(ref _filesDone);
        Interlocked.Add(ref _done, size);
        if (wasThere)
            Interlocked.Add(ref _reused, size);
    }
}
