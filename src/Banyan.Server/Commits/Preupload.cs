using Banyan.Server.Access;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Commits;

/// <summary><c>POST /api/{type}/{id}/preupload/{rev}</c>: which way each file should come, and what is there already.</summary>
sealed class Preupload(Revisions revisions, RepoTree tree)
{
    const int MaxFiles = 1024, MaxSample = 2048;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var revision = await revisions.GetAsync(repo, RouteRest.Name(context), cancellationToken);
        var body = await context.BodyAsync<PreuploadRequest>();
        if (body.Files is not { Count: > 0 and <= MaxFiles } files)
            throw HubException.BadRequest($"The body names no files, or more than {MaxFiles}.");
        if (body.GitIgnore is { Length: > Ignore.MaxLength } || body.GitAttributes is { Length: > Ignore.MaxLength })
            throw HubException.TooLarge($"gitIgnore and gitAttributes have at most {Ignore.MaxLength} characters.");
        var root = revision.Commit.Tree;
        var attributes = new Attributes(body.GitAttributes is { } text
            ? System.Text.Encoding.UTF8.GetBytes(text) : await tree.SmallFileAsync(repo.Id, root, Attributes.FileName, cancellationToken));
        var ignore = new Ignore(body.GitIgnore
            ?? (await tree.SmallFileAsync(repo.Id, root, ".gitignore", cancellationToken) is { } file
                ? System.Text.Encoding.UTF8.GetString(file) : null));
        var answers = new List<PreuploadMode>(files.Count);
        foreach (var asked in files)
        {
            var path = PathRules.Checked(asked.Path);
            if (asked.Size is not >= 0)
                throw HubException.BadRequest($"{path}: the size is missing");
            var large = asked.Size > CommitReader.MaxFileBytes || attributes.IsLfs(path) || IsBinary(path, asked.Sample);
            var there = await tree.FindAsync(repo.Id, root, path, cancellationToken);
            answers.Add(new PreuploadMode(path, large ? "lfs" : "regular", ignore.LeavesOut(path),
                there is { IsFolder: false } ? there.ETag : null));
        }
        if (ignore.IsTooMuch || attributes.IsTooMuch)
            throw HubException.BadRequest(
                $"The patterns of {(ignore.IsTooMuch ? ".gitignore" : Attributes.FileName)} are too many (at most {PathPatterns.MaxWildcards} with wildcards) or take too long: "
                + "simplify them, or ask for fewer files at once.");
        await context.JsonAsync(new PreuploadAnswer(answers));
    }

    /// <summary>git is for text. A zero byte near the beginning is how git itself tells.</summary>
    static bool IsBinary(string path, string? sample)
    {
        if (sample is null)
            return false;
        Span<byte> bytes = stackalloc byte[MaxSample];
        return Convert.TryFromBase64String(sample, bytes, out var length)
            ? bytes[..length].Contains((byte)0)
            : throw HubException.BadRequest($"{path}: the sample is no base64 of at most {MaxSample} bytes");
    }
}
