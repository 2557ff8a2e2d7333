using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Client.Wire;

namespace Banyan.Client.Push;

/// <summary>A commit as lines of JSON, generated while it is sent: small files with their bytes, large ones by their SHA-256.</summary>
sealed class CommitBody : HttpContent
{
    readonly string _message;
    readonly IReadOnlyList<LocalFile> _small;
    readonly IReadOnlyList<ScannedFile> _large;

    public CommitBody(string message, IReadOnlyList<LocalFile> small, IReadOnlyList<ScannedFile> large)
    {
        (_message, _small, _large) = (message, small, large);
        Headers.ContentType = new("application/x-ndjson");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var lines = _message.Split('\n', 2);
        await WriteAsync("header", new CommitHeader(lines[0].Trim(), lines.Length > 1 ? lines[1].Trim() : ""),
            WireJson.Default.CommitLineCommitHeader);
        foreach (var file in _small)
            await WriteAsync("file",
                new CommitFile(file.Path, Convert.ToBase64String(await File.ReadAllBytesAsync(file.LocalPath, cancellationToken)),
                    "base64"), WireJson.Default.CommitLineCommitFile);
        foreach (var file in _large)
            await WriteAsync("lfsFile", new CommitLfsFile(file.File.Path, "sha256", file.Sha256, file.File.Size),
                WireJson.Default.CommitLineCommitLfsFile);

        async Task WriteAsync<T>(string key, T value, JsonTypeInfo<CommitLine<T>> type)
        {
            await stream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(new CommitLine<T>(key, value), type), cancellationToken);
            await stream.WriteAsync("\n"u8.ToArray(), cancellationToken);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
