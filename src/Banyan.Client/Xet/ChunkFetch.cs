using System.Collections.Immutable;
using System.Net;
using Banyan.Chunks;
using Banyan.Client.Cache;
using Banyan.Client.Transfers;

namespace Banyan.Client.Xet;

/// <summary>Fetches a range of a xorb and writes its chunks, as they arrive, to every place of the file that contains them.</summary>
static class ChunkFetch
{
    /// <summary>The state of a run: chunks of one xorb, being written to one place.</summary>
    sealed class Place(FileRun run, PartialFile.Run bytes) : IDisposable
    {
        public FileRun Run => run;
        public PartialFile.Run Bytes => bytes;
        public long Position { get; set; } = run.Offset;
        public void Dispose() => bytes.Dispose();
    }

    public static async Task RunAsync(HubClient hub, FetchRange fetch, ImmutableArray<FileRun> runs, PartialFile part, RepoFile file,
        CancellationToken cancellationToken)
    {
        using var reservation = hub.Meter.Reserve(fetch.Length) ?? throw Meter.BudgetReached();
        var places = runs.Where(r => r.Xorb == fetch.Xorb && fetch.First <= r.First && r.End <= fetch.End)
            .Select(r => new Place(r, part.From(r.Offset))).ToList();
        try
        {
            using var answer = await hub.SendAsync(() =>
            {
                var request = HubClient.Signed(HttpMethod.Get, fetch.Url);
                request.Headers.Range = new(fetch.From, fetch.To);
                return request;
            }, hub.StallTimeout + TimeSpan.FromSeconds(20), cancellationToken);
            if (answer.StatusCode == HttpStatusCode.Forbidden)
                throw new NetworkException("the address of the chunks has expired");   // asked for again, it is a new one
            await hub.EnsureAsync(answer, file.Path, cancellationToken);
            if (answer.StatusCode != HttpStatusCode.PartialContent && fetch.From > 0)
                throw new HubClientException(HubProblem.WrongAnswer,
                    $"{file.Path}: {fetch.Url.Authority} sends whole objects instead of the range asked for");
            await using var body = await Body.OpenAsync(answer, hub.StallTimeout, cancellationToken);

            var codec = new ChunkCodec();
            var head = new byte[ChunkHeader.Size];
            var stored = new byte[Chunker.MaxLength * 2];
            var raw = new byte[Chunker.MaxLength];
            for (var chunk = fetch.First; chunk < fetch.End; chunk++)
            {
                await body.ReadExactlyAsync(head, cancellationToken);
                var header = Parse(() => ChunkHeader.Read(head), chunk, file);
                await body.ReadExactlyAsync(stored.AsMemory(0, header.StoredLength), cancellationToken);
                reservation.Arrived(ChunkHeader.Size + header.StoredLength);
                Parse(() =>
                {
                    codec.Decompress(header, stored.AsSpan(0, header.StoredLength), raw.AsSpan(0, header.Length));
                    return true;
                }, chunk, file);
                foreach (var place in places)
                    if (place.Run.First <= chunk && chunk < place.Run.End)
                        Append(place, raw.AsSpan(0, header.Length), file);
            }
        }
        finally
        {
            foreach (var place in places)
                place.Dispose();
        }
    }

    static void Append(Place place, ReadOnlySpan<byte> bytes, RepoFile file)
    {
        if (place.Position + bytes.Length > place.Run.Offset + place.Run.Length)
            throw new HubClientException(HubProblem.WrongAnswer, $"{file.Path}: the hub's chunks are longer than it says");
        place.Position += bytes.Length;
        place.Bytes.Append(bytes);
    }

    static T Parse<T>(Func<T> parse, int chunk, RepoFile file)
    {
        try
        {
            return parse();
        }
        catch (InvalidDataException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer, $"{file.Path}: chunk {chunk} is damaged: {e.Message}", inner: e);
        }
    }
}
