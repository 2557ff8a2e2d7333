using System.Globalization;
using System.Text;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Banyan.Server.Commits;

/// <summary>The form for files.</summary>
/// <param name="Head">The repository.</param>
/// <param name="MayWrite">Whether the visitor may change the branch; otherwise the upload becomes a pull request.</param>
public sealed record UploadView(RepoHeadView Head, bool MayWrite);

/// <summary>Files from a browser: a multipart form, streamed; large files go to the object store, small ones into the spool.</summary>
sealed class UploadPages(Committer committer, Authoriser authoriser, Revisions revisions, RepoTree tree, FileIntake intake,
    UploadPieces pieces, StorageLimits limits, FormTokens forms, HubOptions options)
{
    /// <summary>The most that one form may bring.</summary>
    public const long MaxBytes = 20L << 30;

    const string Folder = "directory", Sent = "sent";

    const int MaxFiles = 500, MaxFields = 10, MaxField = 2000, MaxSent = 4 << 20;

    const long MaxSpool = 512L << 20;

    /// <summary><c>GET /{id}/upload/{branch}</c></summary>
    public async Task ShowAsync(HttpContext context, Repo repo)
    {
        var branch = BranchOf(context, repo);
        _ = await revisions.GetAsync(repo, branch, context.RequestAborted);
        await HtmlPage.RenderAsync<UploadPage>(context,
            new UploadView(new(repo, "files", branch),
                await authoriser.MayAsync(await authoriser.UserAsync(context), repo, Need.Write, context.RequestAborted)), script: true);
    }

    /// <summary>
    /// <c>POST /{id}/upload/{branch}</c>: the form's fields come before its files. A commit, or a pull request: by choice, or for who may
    /// not write.
    /// </summary>
    public async Task CommitAsync(HttpContext context, Repo repo)
    {
        var (caller, branch, cancellationToken) = (await authoriser.UserAsync(context), BranchOf(context, repo), context.RequestAborted);
        var mayWrite = await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken);
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 100 } boundary)
            throw HubException.BadRequest("This address takes a form of files.");
        using var room = await limits.ReserveAsync(repo.Id, context.Request.ContentLength ?? 1, cancellationToken);
        using var spool = new Spool(options.SpoolFolder);
        var revision = await revisions.GetAsync(repo, branch, cancellationToken);
        var attributes = new Attributes(await tree.SmallFileAsync(repo.Id, revision.Commit.Tree, Attributes.FileName, cancellationToken));
        var (fields, operations) = (new Dictionary<string, string>(), new List<CommitOperation>());
        var reader = new MultipartReader(boundary, context.Request.Body);
        while (await NextAsync(reader, cancellationToken) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var part))
                continue;
            if (!part.IsFileDisposition())
            {
                if (fields.Count == MaxFields)
                    throw HubException.BadRequest("This form has more fields than the page that it is of.");
                var field = HeaderUtilities.RemoveQuotes(part.Name).ToString();
                fields[field] = await FieldAsync(section.Body, field == Sent ? MaxSent : MaxField, cancellationToken);
                continue;
            }
            // Where the form was made is known before anything of a file is taken.
            if (operations.Count == 0 && context.Request.Headers.Authorization.Count == 0)
                await forms.CheckAsync(context, fields.GetValueOrDefault(FormTokens.Field, ""));
            var name = HeaderUtilities.RemoveQuotes(part.FileNameStar.HasValue ? part.FileNameStar : part.FileName).ToString();
            // A whole folder is put where the form says, without its own name; its git is not a part of it.
            var isOfFolder = HeaderUtilities.RemoveQuotes(part.Name) == Folder;
            if (isOfFolder && name.IndexOf('/', StringComparison.Ordinal) is >= 0 and var own)
                name = name[(own + 1)..];
            if (name.Length == 0 || (isOfFolder && name.Split('/').Contains(".git")))
                continue;   // nor is a field in which nothing was chosen
            if (operations.Count == MaxFiles)
                throw HubException.TooLarge($"A form brings at most {MaxFiles} files: upload folders with hf upload or git.");
            var folder = fields.GetValueOrDefault("folder", "").Trim().Trim('/');
            CheckSpool(spool);
            operations.Add(
                (await intake.TakeAsync(repo, PathRules.Checked(folder.Length > 0 ? $"{folder}/{name}" : name), section.Body, attributes,
                    spool, cancellationToken))!);
        }
        var sent = fields.TryGetValue(Sent, out var json) ? SentOf(json) : [];
        if (sent.Length > 0 && operations.Count == 0 && context.Request.Headers.Authorization.Count == 0)
            await forms.CheckAsync(context, fields.GetValueOrDefault(FormTokens.Field, ""));
        foreach (var file in sent)
            operations.Add(await SentAsync(repo, caller, file, attributes, spool, cancellationToken));
        if (operations.Count == 0)
            throw HubException.BadRequest("No file was chosen.");
        var summary = fields.GetValueOrDefault("summary", "").Trim() is { Length: > 0 } said ? said
            : $"Upload {(operations.Count == 1 ? operations[0].Path : $"{operations.Count} files")}";
        var (_, pull) = await committer.CommitAsync(
            repo, caller, GitRef.Heads + branch, asPullRequest: !mayWrite || fields.GetValueOrDefault("as") == "pull",
            new CommitRequest(summary, "", null, operations), spool, cancellationToken);
        await pieces.RemoveAsync(caller, repo, sent, cancellationToken);
        var address = pull is { } number ? string.Create(CultureInfo.InvariantCulture, $"/{repo.Path}/discussions/{number}")
            : $"/{repo.Path}/tree/{Uri.EscapeDataString(branch)}";
        // A script goes there itself.
        if (sent.Length > 0)
            await context.JsonAsync(new { address = PathPrefix.Of(context, address) });
        else
            SignInPages.SeeOther(context, address);
    }

    /// <summary>A file that came in pieces: long ones were joined before.</summary>
    async Task<CommitOperation> SentAsync(Repo repo, Caller caller, SentFile file, Attributes attributes, Spool spool,
        CancellationToken cancellationToken)
    {
        CheckSpool(spool);
        var path = PathRules.Checked(file.Path ?? "");
        if (Sha256.TryParse(file.Sha256, out var sha256))
            return new CommitOperation.Large(path, sha256, file.Size);
        await using var bytes = await pieces.OpenAsync(caller, repo, file, cancellationToken);
        return (await intake.TakeAsync(repo, path, bytes, attributes, spool, cancellationToken))!;
    }

    static void CheckSpool(Spool spool)
    {
        if (spool.Length > MaxSpool)
            throw HubException.TooLarge("The text files of a form have at most 512 MB together: upload the rest apart.");
    }

    static SentFile[] SentOf(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<SentFile[]>(json, HubJson.Options)
                is { Length: <= UploadPieces.MaxFiles } files && !files.Contains(null)
                ? files : throw HubException.BadRequest($"An upload has up to {UploadPieces.MaxFiles} files.");
        }
        catch (JsonException e)
        {
            throw HubException.BadRequest($"The list of sent files is not what this address takes: {JsonProblem.Of(e)}.");
        }
    }

    static async Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadNextSectionAsync(cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw HubException.BadRequest("The form ended too early: send it again.");
        }
    }

    static async Task<string> FieldAsync(Stream body, int most, CancellationToken cancellationToken)
    {
        var bytes = new byte[most];
        var length = await body.ReadAtLeastAsync(bytes, most, throwOnEndOfStream: false, cancellationToken);
        return length < most ? Encoding.UTF8.GetString(bytes, 0, length)
            : throw HubException.TooLarge($"A field of the form has more than {most} bytes.");
    }

    static string BranchOf(HttpContext context, Repo repo) => RouteRest.Name(context) is { Length: > 0 } name ? name : repo.DefaultBranch;
}
