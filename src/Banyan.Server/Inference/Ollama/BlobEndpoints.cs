using System.Security.Cryptography;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Banyan.Server.Inference.Ollama;

/// <summary>
/// <c>HEAD</c> and <c>POST /api/blobs/sha256:…</c>: files of which a model is created next. What is not used within a day goes.
/// </summary>
sealed class BlobEndpoints(ManageEndpoints manage, InferenceOptions options, TimeProvider time)
{
    const string Algorithm = "sha256:";
    const double FreeShare = 0.02;
    static readonly TimeSpan s_kept = TimeSpan.FromDays(1);

    /// <summary>The folder of what was uploaded.</summary>
    public static string Folder(InferenceOptions options) => Path.Combine(
        options.ModelsFolder
            ?? throw ApiException.Unsupported("model", "This server has no folder of models, where one could be created: 'banyan up' has."),
            ".blobs");

    /// <summary>The path of a file with this hash, whether or not it exists.</summary>
    /// <exception cref="ApiException">It is not a SHA-256.</exception>
    public static string PathOf(InferenceOptions options, string digest, string field) =>
        digest.StartsWith(Algorithm, StringComparison.Ordinal) && digest.Length == Algorithm.Length + 64
        && digest[Algorithm.Length..].All(char.IsAsciiHexDigit)
        ? Path.Combine(Folder(options), $"sha256-{digest[Algorithm.Length..].ToLowerInvariant()}")
        : throw ApiException.Invalid(field, $"Invalid '{field}': 'sha256:' and 64 hexadecimal digits are needed.");

    public Task HeadAsync(HttpContext context)
    {
        context.Response.StatusCode = File.Exists(PathOf(options, Digest(context), "digest")) ? 200 : 404;
        return Task.CompletedTask;
    }

    public async Task PostAsync(HttpContext context, CancellationToken cancellationToken)
    {
        manage.CheckAllowed();
        var path = PathOf(options, Digest(context), "digest");
        var folder = Directory.CreateDirectory(Folder(options));
        foreach (var old in folder.EnumerateFiles("sha256-*").Where(f => time.GetUtcNow() - f.LastWriteTimeUtc > s_kept))
            old.Delete();
        // The file may be large; what bounds it is the disk, of which some stays free.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        var temporary = Path.Combine(folder.FullName, $"sha256-{Guid.NewGuid():N}.part");
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                var drive = new DriveInfo(folder.FullName);
                var (buffer, room) = (new byte[1 << 20], drive.AvailableFreeSpace - (long)(drive.TotalSize * FreeShare));
                if (context.Request.ContentLength > room)
                    throw Full();
                for (int count; (count = await context.Request.Body.ReadAsync(buffer, cancellationToken)) > 0; room -= count)
                {
                    if (count > room)
                        throw Full();
                    hash.AppendData(buffer, 0, count);
                    await file.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                }
            }
            var got = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (Path.GetFileName(path) != $"sha256-{got}")
                throw ApiException.Invalid("digest",
                    $"The body's SHA-256 is {got}: it was damaged on its way, or another was named.", "digest_mismatch");
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
        context.Response.StatusCode = 201;
    }

    static string Digest(HttpContext context) => context.GetRouteValue("digest") as string ?? "";

    static ApiException Full() =>
        new(507, "The disk has no room for this file (2 % of it stay free).", "digest", "disk_full", "server_error");
}
