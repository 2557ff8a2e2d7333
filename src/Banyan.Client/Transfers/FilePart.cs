using System.Net;

namespace Banyan.Client.Transfers;

/// <summary>A part of a file as a request's body.</summary>
sealed class FilePart(string path, long offset, long length, Action<long> count) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        var buffer = new byte[256 * 1024];
        for (var at = 0L; at < length;)
        {
            var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - at)),
                offset + at, cancellationToken);
            if (read == 0)
                throw new HubClientException(HubProblem.Refused,
                    $"'{path}' became shorter while it was being sent: push again when it is complete");
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            count(read);
            at += read;
        }
    }

    protected override bool TryComputeLength(out long size)
    {
        size = length;
        return true;
    }
}
