using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Lfs;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Commits;

/// <summary>A file as a browser knows it before its bytes are read.</summary>
/// <param name="Name">Its name, with the folders in which it was chosen.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">When it was last changed, in Unix milliseconds.</param>
/// <param name="Path">Where it is to lie in the repository; null until it is known.</param>
/// <param name="Sha256">What it turned out to be, where its pieces were joined already.</param>
sealed record SentFile(string Name, long Size, long Modified, string? Path = null, string? Sha256 = null);

/// <summary>
/// Files that a browser's script sends in pieces, so that a broken connection costs one piece:
/// <code>
/// POST /{id}/pieces         which pieces of these files have arrived, by their SHA-256
/// PUT  /{id}/pieces         one piece
/// POST /{id}/pieces/join    all pieces of a long file are here: it is cut into chunks and stored
/// POST /{id}/upload/{branch}   commits them (<see cref="UploadPages"/>)
/// </code>
/// A piece is a part of an upload, as those of LFS are: an object in the store, removed after a week if nobody commits it. The upload is
/// known by user, repository, name, length and time of change, so that the same file chosen again continues. Chunks and SHA-256 are
/// computed from the joined bytes.
/// </summary>
sealed class UploadPieces(Authoriser authoriser, PartEndpoints parts, IObjectStore objects, FileIntake intake, HubDatabase database,
    StorageLimits limits, FormTokens forms, TimeProvider time)
{
    /// <summary>The most files of one upload.</summary>
    public const int MaxFiles = 2000;

    // What a broken connection costs; more for files that would have too many.
    const long PieceBytes = 4 << 20;
    const int MaxPieces = 5000, MaxPiecesTogether = 250_000;
    const long MaxBytes = 1L << 40;

    /// <summary><c>POST /{id}/pieces</c></summary>
    public async Task ArrivedAsync(HttpContext context, Repo repo)
    {
        var caller = await CheckedAsync(context);
        var files = await context.BodyAsync<SentFile[]>();
        if (files.Length is 0 or > MaxFiles || files.Contains(null))
            throw HubException.TooLarge($"An upload has 1 to {MaxFiles} files: upload folders with hf upload or git.");
        if (files.Sum(f => (long)UploadOf(caller, repo, f).Parts) > MaxPiecesTogether)
            throw HubException.TooLarge(
                $"An upload has at most {MaxPiecesTogether} pieces: upload the rest apart, or with hf upload or git.");
        var (answers, missing) = (new List<object>(), 0L);
        foreach (var file in files)
        {
            var upload = UploadOf(caller, repo, file);
            var keys = await KeysAsync(upload, context.RequestAborted);
            missing += Enumerable.Range(0, keys.Length).Where(i => keys[i] is null).Sum(i => upload.LengthOf(i + 1));
            answers.Add(new { pieceBytes = upload.PartBytes, pieces = keys.Select(k => k is null ? "" : k[^64..]) });
        }
        if (missing > await limits.RoomAsync(repo.Id, context.RequestAborted))
            throw new HubException(507, "QuotaExceeded", $"{repo.Owner} has no room for {missing} bytes more.");
        await context.JsonAsync(answers);
    }

    /// <summary><c>PUT /{id}/pieces?name&amp;size&amp;modified&amp;piece</c></summary>
    public async Task PutAsync(HttpContext context, Repo repo)
    {
        var caller = await CheckedAsync(context);
        var query = context.Request.Query;
        var upload = UploadOf(caller, repo, new(query["name"].ToString(), Number(query["size"]), Number(query["modified"])));
        await parts.ReceiveAsync(context, upload, (int)Math.Min(int.MaxValue, Number(query["piece"])));
    }

    /// <summary>
    /// <c>POST /{id}/pieces/join</c>: answers with the large file's SHA-256; with an empty object for a small one, which its commit takes
    /// from the pieces.
    /// </summary>
    public async Task JoinAsync(HttpContext context, Repo repo)
    {
        var caller = await CheckedAsync(context);
        var file = await context.BodyAsync<SentFile>();
        var (upload, path) = (UploadOf(caller, repo, file), PathRules.Checked(file.Path ?? ""));
        await using var bytes = await OpenAsync(upload, file, context.RequestAborted);
        await SlowAnswer.WriteAsync(context, time, async token =>
            await intake.TakeAsync(repo, path, bytes, new Attributes(null), null, token) is CommitOperation.Large large
            ? $$"""{"sha256": "{{large.Sha256}}"}""" : "{}");
    }

    /// <summary>The bytes of a file whose pieces are all here.</summary>
    /// <exception cref="HubException">400: one is missing.</exception>
    public async Task<Stream> OpenAsync(Caller caller, Repo repo, SentFile file, CancellationToken cancellationToken) =>
        await OpenAsync(UploadOf(caller, repo, file), file, cancellationToken);

    async Task<PartObjects> OpenAsync(LfsTicket upload, SentFile file, CancellationToken cancellationToken)
    {
        var keys = await KeysAsync(upload, cancellationToken);
        return Array.IndexOf(keys, null) is >= 0 and var missing
            ? throw HubException.BadRequest($"Piece {missing + 1} of {keys.Length} of {file.Name} has not arrived: upload it again.")
            : new PartObjects(objects, keys!);
    }

    /// <summary>Removes the pieces of files that were committed.</summary>
    public async Task RemoveAsync(Caller caller, Repo repo, IEnumerable<SentFile> files, CancellationToken cancellationToken)
    {
        foreach (var file in files)
        {
            var keys = new List<string>();
            await foreach (var piece in objects.ListAsync(PartObjects.Prefix(UploadOf(caller, repo, file)), cancellationToken))
                keys.Add(piece.Key);
            foreach (var key in keys)
                await objects.DeleteAsync(key, cancellationToken);
            await database.WriteAsync(t => StorageLimits.WentAsync(database, t, keys), cancellationToken);
        }
    }

    /// <summary>The keys of a file's pieces in order, null for those that have not arrived.</summary>
    async Task<string?[]> KeysAsync(LfsTicket upload, CancellationToken cancellationToken)
    {
        var found = new StoredObject[upload.Parts];
        var prefix = PartObjects.Prefix(upload);
        await foreach (var piece in objects.ListAsync(prefix, cancellationToken))
            if (int.TryParse(piece.Key.AsSpan(prefix.Length).ToString().Split('-')[0], NumberStyles.None,
                CultureInfo.InvariantCulture, out var number)
                && number >= 1 && number <= found.Length && piece.Length == upload.LengthOf(number)
                && piece.Modified > found[number - 1].Modified)
                found[number - 1] = piece;
        return [.. found.Select(p => (string?)p.Key)];
    }

    /// <summary>The parts of a file's upload. What names them is no file's SHA-256, which is not known yet.</summary>
    static LfsTicket UploadOf(Caller caller, Repo repo, SentFile file)
    {
        if (file.Name is not { Length: > 0 and <= 2000 } || file.Size is < 0 or > MaxBytes)
            throw HubException.BadRequest($"A file has a name and 0 to {MaxBytes} bytes.");
        var name =
            new Sha256(
                SHA256.HashData(
                    Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                        $"{caller.UserId}\n{file.Size}\n{file.Modified}\n{file.Name}"))));
        return new LfsTicket(0, repo.Id, name, file.Size, Math.Max(PieceBytes, (file.Size / MaxPieces + (1 << 20)) >> 20 << 20));
    }

    /// <summary>The caller, by a script of a page that was made here or by a token.</summary>
    async Task<Caller> CheckedAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization.Count == 0)
            await forms.CheckAsync(context, context.Request.Headers["X-Form-Token"].ToString());
        return await authoriser.UserAsync(context);
    }

    static long Number(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
}
