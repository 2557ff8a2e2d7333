using System.Collections.Concurrent;
using System.Net;
using Banyan.Client.Cache;
using Banyan.Client.Hub;
using Banyan.Client.Transfers;
using Banyan.Client.Xet;

namespace Banyan.Client.Pull;

/// <summary>
/// One file: missing bytes are split into windows, several are fetched concurrently, and bytes from a lost connection are kept. Bytes are
/// taken from this disk first, then as chunks or ranges of the file.
/// </summary>
sealed class FileDownload(FileDownloads pull, RepoFile file)
{
    const long PlainWindow = 16 << 20, ChunkWindow = 32 << 20, SmallestWindow = 1 << 20, SmallestPart = 64 * 1024;

    readonly ConcurrentBag<FileRun> _runs = [];
    bool _usesChunks, _usesDisk = true;
    int _stopped;

    /// <summary>Something on the way ignores ranges and sends the whole file; one request at a time reads it.</summary>
    bool _wholeOnly;

    /// <summary>Parts without Content-Range were accepted: the hash decides whether they were the right ones.</summary>
    bool _unproven;

    readonly SemaphoreSlim _whole = new(1);

    HubClient Hub => pull.Hub;

    /// <summary>Fetches and verifies.</summary>
    /// <returns>False if the budget ran out first.</returns>
    public async Task<bool> RunAsync(PartialFile part, CancellationToken cancellationToken)
    {
        _usesChunks = pull.Request.UseChunks && file.XetHash is not null && file.Sha256 is not null && file.Size > 0;
        for (var attempt = 1; ; attempt++)
        {
            if (_usesDisk)
                await CopyBlobAsync(part, cancellationToken);
            await Parallel.ForEachAsync(Windows(part),
                new ParallelOptions { MaxDegreeOfParallelism = pull.Request.Parallel, CancellationToken = cancellationToken },
                async (window, token) => await FetchAsync(part, window, token));
            if (!part.IsComplete)
                return false;
            var hash = await part.HashAsync(git: file.Sha256 is null, cancellationToken);
            if (hash == file.ETag)
                return true;

            // Something on this disk or on the way was not what it seemed: once more, from the hub alone.
            part.Clear();
            _runs.Clear();
            if (attempt == 2)
                throw new HubClientException(HubProblem.WrongAnswer,
                    $"{file.Path}: the hub's bytes have the hash {hash}, but it says {file.ETag}: nothing was kept; tell the hub's administrators");
            _usesDisk = false;
            _wholeOnly = _unproven;
        }
    }

    IEnumerable<ByteRange> Windows(PartialFile part)
    {
        var size = _usesChunks ? ChunkWindow : PlainWindow;
        foreach (var range in part.Missing(0, file.Size))
            for (var at = range.Start; at < range.End;)
            {
                if (Volatile.Read(ref _stopped) != 0)
                    yield break;
                // Small windows near the end of a budget: each is asked for only when all of it fits.
                var length = Hub.Meter.HasBudget ? Math.Clamp(Hub.Meter.Left / 16, SmallestWindow, size) : size;
                var end = Math.Min(range.End, at + length);
                yield return new ByteRange(at, end);
                at = end;
            }
    }

    async Task FetchAsync(PartialFile part, ByteRange window, CancellationToken cancellationToken)
    {
        await pull.Slots.WaitAsync(cancellationToken);
        try
        {
            var idle = 0;
            while (Total(part.Missing(window.Start, window.End)) is var before and > 0)
            {
                try
                {
                    foreach (var missing in part.Missing(window.Start, window.End))
                        await (_usesChunks ? FetchChunksAsync(part, missing, cancellationToken)
                            : FetchPlainAsync(part, missing, cancellationToken));
                    idle = Total(part.Missing(window.Start, window.End)) < before ? 0 : idle + 1;
                }
                catch (NetworkException e)
                {
                    idle = Total(part.Missing(window.Start, window.End)) < before ? 1 : idle + 1;
                    // Of bytes each is kept, of chunks only whole ones: a link that breaks after fewer would never bring any.
                    if (_usesChunks && idle >= 2)
                        _usesChunks = false;
                    if (idle >= Hub.Options.Attempts)
                        throw new HubClientException(HubProblem.Unreachable,
                            $"{file.Path}: the connection brings no more bytes ({e.Message.TrimEnd('.')}): what came is kept, run the same command again to continue", inner: e);
                    await Task.Delay(Retry.Pause(idle), cancellationToken);
                }
                catch (HubClientException e) when (_usesChunks && e.Problem != HubProblem.BudgetReached)
                {
                    _usesChunks = false;   // where its chunks cannot be had, the hub has the file as a whole
                }
                if (idle >= Hub.Options.Attempts)
                    throw new HubClientException(HubProblem.WrongAnswer,
                        $"{file.Path}: the hub's answers do not contain bytes {window.Start} to {window.End}");
            }
        }
        catch (HubClientException e) when (e.Problem == HubProblem.BudgetReached)
        {
            // Others under way were reserved for and may finish.
            Volatile.Write(ref _stopped, 1);
            pull.BudgetReached = true;
        }
        finally
        {
            pull.Slots.Release();
        }
    }

    static long Total(List<ByteRange> ranges) => ranges.Sum(r => r.Length);

    /// <summary>The same bytes under the same name in another repo of the cache.</summary>
    async Task CopyBlobAsync(PartialFile part, CancellationToken cancellationToken)
    {
        if (part.Done > 0 || file.Size == 0 || !Directory.Exists(pull.Request.Cache.Folder))
            return;
        foreach (var repo in Directory.EnumerateDirectories(pull.Request.Cache.Folder))
        {
            var blob = new FileInfo(Path.Combine(repo, "blobs", file.ETag));
            if (!blob.Exists || blob.Length != file.Size)
                continue;
            await using var stream = blob.OpenRead();
            using var run = part.From(0);
            var buffer = new byte[1 << 18];
            for (int read; (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
                run.Append(buffer.AsSpan(0, read));
            pull.CountReused(run.Position);
            return;
        }
    }

    /// <summary>A range of the file over HTTP.</summary>
    async Task FetchPlainAsync(PartialFile part, ByteRange range, CancellationToken cancellationToken)
    {
        if (_wholeOnly)
        {
            await FetchWholeAsync(part, range, cancellationToken);
            return;
        }
        var meter = Hub.Meter;
        var end = range.End;
        Meter.Reservation? reservation;
        while ((reservation = meter.Reserve(end - range.Start)) is null)
            end = meter.Left is var left && left >= SmallestPart && left < end - range.Start
                ? range.Start + left : throw Meter.BudgetReached();
        using (reservation)
        {
            var uri = Hub.FileUri(pull.Request.Repo, pull.Commit, file.Path);
            using var answer = await Hub.SendAsync(() =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, uri);
                if (range.Start > 0 || end < file.Size)
                    request.Headers.Range = new(range.Start, end - 1);
                return request;
            }, Hub.StallTimeout + TimeSpan.FromSeconds(20), cancellationToken);
            await Hub.EnsureAsync(answer, $"{pull.Request.Repo}: {file.Path}", cancellationToken);
            var headers = answer.Content.Headers;
            // A part without Content-Range, as some mirrors send it, is the one that was asked for if it is as long.
            var unsaid = answer.StatusCode == HttpStatusCode.PartialContent && headers.ContentRange is null
                && headers.ContentLength == end - range.Start;
            _unproven |= unsaid;
            // A proxy that compresses though nothing asked for it: a part of what it made is none of the file, the whole can be read.
            var isPart = answer.StatusCode == HttpStatusCode.PartialContent || range.Start > 0 || end < file.Size;
            if ((unsaid ? range.Start : headers.ContentRange?.From ?? 0) == range.Start
                && !(isPart && HubClient.IsCompressed(answer.Content)))
            {
                await TakeAsync(part, answer, range.Start, end, reservation, cancellationToken);
                return;
            }
            _wholeOnly = true; // RFC 9110 14.2 lets a server ignore Range
        }
        await FetchWholeAsync(part, range, cancellationToken);
    }

    /// <summary>The file from its start, for all requests that wait for its parts.</summary>
    async Task FetchWholeAsync(PartialFile part, ByteRange wanted, CancellationToken cancellationToken)
    {
        await _whole.WaitAsync(cancellationToken);
        try
        {
            if (Total(part.Missing(wanted.Start, wanted.End)) == 0)
                return; // came meanwhile
            using var reservation = Hub.Meter.Reserve(file.Size) ?? throw Meter.BudgetReached();
            using var answer =
                await Hub.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Hub.FileUri(pull.Request.Repo, pull.Commit, file.Path)),
                    Hub.StallTimeout + TimeSpan.FromSeconds(20), cancellationToken);
            await Hub.EnsureAsync(answer, $"{pull.Request.Repo}: {file.Path}", cancellationToken);
            await TakeAsync(part, answer, 0, file.Size, reservation, cancellationToken);
        }
        finally
        {
            _whole.Release();
        }
    }

    /// <summary>Writes a response's body to its place; bytes received are kept even if the rest fails.</summary>
    async Task TakeAsync(PartialFile part, HttpResponseMessage answer, long start, long end, Meter.Reservation reservation,
        CancellationToken cancellationToken)
    {
        await using var body = await Body.OpenAsync(answer, Hub.StallTimeout, cancellationToken);
        using var run = part.From(start);
        var buffer = new byte[128 * 1024];
        while (run.Position < end)
        {
            var read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - run.Position)), cancellationToken);
            if (read == 0)
                throw new NetworkException("the answer ended early");
            reservation.Arrived(read);
            run.Append(buffer.AsSpan(0, read));
        }
    }

    /// <summary>A range of the file as chunks, from this disk if present.</summary>
    async Task FetchChunksAsync(PartialFile part, ByteRange range, CancellationToken cancellationToken)
    {
        var plan = await pull.Cas.ReconstructAsync(file.XetHash!.Value, range.Start, range.End, cancellationToken);
        if (plan.Runs.Length > 0 && plan.Runs[^1] is var last && last.Offset + last.Length > file.Size)
            throw new HubClientException(HubProblem.WrongAnswer,
                $"{file.Path}: the hub's chunks reach to byte {last.Offset + last.Length} of a file of {file.Size}");
        foreach (var run in plan.Runs)
            _runs.Add(run);
        if (_usesDisk && await pull.Recipes.CopyAsync(plan.Runs, part, file.Size, cancellationToken) is > 0 and var copied)
        {
            pull.CountReused(copied);
            return;   // what is missing now may be less than what the plan would fetch: it is asked for again
        }
        foreach (var fetch in plan.Fetches)
            if (plan.Runs.Any(r => r.Xorb == fetch.Xorb && fetch.First <= r.First && r.End <= fetch.End
                && part.Missing(Math.Max(0, r.Offset), Math.Min(file.Size, r.Offset + r.Length)).Count > 0))
                await ChunkFetch.RunAsync(Hub, fetch, plan.Runs, part, file, cancellationToken);
    }

    /// <summary>Records which chunks a file on this disk contains, so that later pulls reuse them.</summary>
    public void Remember(string path)
    {
        if (!_runs.IsEmpty)
            pull.Recipes.Add(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName is { } blob ? blob : path, _runs);
    }
}
