using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Commits;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Shipped;

/// <summary>
/// Publishes the models that come with Banyan when a hub first starts, and commits what is new when a later Banyan brings other files.
/// A mark says which files were published last: a repository that was removed stays removed.
/// </summary>
sealed partial class PublishShipped(
    HubOptions options, HubDatabase database, AccountStore accounts, RepoStore repos, Committer committer, ContentStore contents,
    ILogger<PublishShipped> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var shipped in options.Shipped)
        {
            try
            {
                await PublishAsync(shipped, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is (an object store has errors of its own), the hub serves all the same; the next start tries again.
                LogFailed($"{shipped.Owner}/{shipped.Name}", e.Message);
            }
        }
    }

    async Task PublishAsync(ShippedRepo shipped, CancellationToken cancellationToken)
    {
        var (mark, state) = ($"shipped/{shipped.Owner}/{shipped.Name}", await StateAsync(shipped, cancellationToken));
        var published =
            await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @mark", new { mark }),
                cancellationToken);
        if (published is not null && published.AsSpan().SequenceEqual(state))
            return;

        var owner = await accounts.FindAsync(shipped.Owner, cancellationToken)
            ?? await accounts.AddAsync("org", shipped.Owner, null, null, cancellationToken);
        var fullName = $"{owner.Name}/{shipped.Name}";
        // A person of that name may have come first; and what its owner removed does not come back.
        if (!owner.IsUser && (published is null || await repos.FindAsync(RepoType.Model, fullName, cancellationToken) is not null))
            await CommitAsync(shipped, owner, cancellationToken);
        await database.WriteAsync(
            t => t.ExecuteAsync(
                "INSERT INTO settings (name, value) VALUES (@mark, @state) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                new { mark, state }), cancellationToken);
    }

    async Task CommitAsync(ShippedRepo shipped, Account owner, CancellationToken cancellationToken)
    {
        var author = new Caller { Name = owner.Name };
        var (repo, _) = await database.WriteAsync(async t =>
        {
            var made = await repos.CreateAsync(t, RepoType.Model, owner, shipped.Name, isPrivate: false);
            if (made.IsNew)
                await committer.BeginAsync(t, made.Repo, author,
                    new Dictionary<string, byte[]> { [Attributes.FileName] = Encoding.UTF8.GetBytes(Attributes.Default) });
            return made;
        }, cancellationToken);

        var attributes = new Attributes(Encoding.UTF8.GetBytes(Attributes.Default));
        using var spool = new Spool(options.SpoolFolder);
        var operations = new List<CommitOperation>();
        foreach (var (path, file) in shipped.Files)
        {
            if (!attributes.IsLfs(path))
            {
                var bytes = await File.ReadAllBytesAsync(file, cancellationToken);
                operations.Add(new CommitOperation.File(path, spool.Add(bytes), bytes.Length));
                continue;
            }
            await using var stream = File.OpenRead(file);
            var content = await contents.IngestAsync(stream, stream.Length, null, cancellationToken);
            await contents.GrantAsync(repo.Id, [content.Id], cancellationToken);
            operations.Add(new CommitOperation.Large(path, content.Sha256, content.Size));
        }
        var branch = GitRef.Heads + repo.DefaultBranch;
        await committer.CommitAsync(repo, author, branch, asPullRequest: false,
            new CommitRequest($"{shipped.Name}, as it comes with Banyan", "", null, operations), spool, cancellationToken);
        LogPublished(repo.FullName);
    }

    static async Task<byte[]> StateAsync(ShippedRepo shipped, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (path, file) in shipped.Files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            await using var stream = File.OpenRead(file);
            hash.AppendData(Encoding.UTF8.GetBytes(path + "\0"));
            hash.AppendData(await SHA256.HashDataAsync(stream, cancellationToken));
        }
        return hash.GetHashAndReset();
    }

    [LoggerMessage(LogLevel.Information, "published {Repo}, which comes with Banyan")]
    partial void LogPublished(string repo);

    [LoggerMessage(LogLevel.Warning, "{Repo}, which comes with Banyan, was not published: {Reason}")]
    partial void LogFailed(string repo, string reason);
}
