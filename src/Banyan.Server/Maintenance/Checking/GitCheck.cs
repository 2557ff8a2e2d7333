using System.Data.Common;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>One repository's git objects and refs, as of one moment. Memory is some hundred bytes an object.</summary>
sealed class GitCheck(HubDatabase database, CheckReport report, Pace pace)
{
    const string FromBackup = "restore a backup beside this hub (banyan restore) and push what is missing from there";

    sealed record RefRow(string Name, byte[] Oid);

    public async Task RunAsync(long repo, CancellationToken cancellationToken)
    {
        await database.SnapshotAsync(async t =>
        {
            var name =
                await t.ScalarAsync<string>(
                    "SELECT r.type || ' ' || a.name || '/' || r.name FROM repos r JOIN accounts a ON a.id = r.owner_id WHERE r.id = @repo",
                    new { repo });
            if (name is null)
                return true;   // deleted meanwhile
            var present = new Dictionary<GitId, GitKind>();
            var named = new Dictionary<GitId, (GitKind? Kind, GitId By)>();
            var pointers = new Dictionary<Sha256, long>();
            await foreach (var (oid, kindText, size, content) in t.Connection!.QueryUnbufferedAsync<(byte[], string, long, byte[])>(
                "SELECT oid, kind, size, content FROM git_objects WHERE repo_id = @repo", new { repo }, t)
                    .WithCancellation(cancellationToken))
            {
                var id = new GitId(oid);
                Check(name, id, kindText, size, content, present, named, pointers);
                await pace.AddAsync(content.Length, cancellationToken);
            }
            foreach (var (id, (kind, by)) in named)
                if (!present.TryGetValue(id, out var actual))
                    Damage($"{name}, {by}", $"names the {kind?.Text() ?? "object"} {id}, which is missing", FromBackup);
                else if (kind is { } expected && actual != expected)
                    Damage($"{name}, {by}", $"names {id} as a {expected.Text()}; it is a {actual.Text()}", FromBackup);
            foreach (var r in await t.QueryAsync<RefRow>("SELECT name, oid FROM refs WHERE repo_id = @repo", new { repo }))
                if (!present.TryGetValue(new GitId(r.Oid), out var kind) || kind is not (GitKind.Commit or GitKind.Tag))
                    Damage($"{name}, {r.Name}",
                        $"leads to {new GitId(r.Oid)}, which is {(present.ContainsKey(new GitId(r.Oid)) ? "no commit" : "missing")}",
                        FromBackup);
            await CheckPointersAsync(t, repo, name, pointers);
            return true;
        }, cancellationToken);
        report.Repos++;
    }

    void Check(string name, GitId id, string kindText, long size, byte[] content, Dictionary<GitId, GitKind> present,
        Dictionary<GitId, (GitKind?, GitId)> named, Dictionary<Sha256, long> pointers)
    {
        report.GitObjects++;
        try
        {
            var kind = GitKinds.Parse(kindText);
            present[id] = kind;
            if (GitId.Of(kind, content) is var actual && actual != id)
                Damage($"{name}, {id}", $"its bytes are those of {actual}", FromBackup);
            else if (size != content.Length)
                Damage($"{name}, {id}", $"is said to have {size} bytes and has {content.Length}", FromBackup);
            foreach (var (to, toKind) in GitReach.Named(kind, content))
                named.TryAdd(to, (toKind, id));
            if (kind == GitKind.Blob && LfsPointer.Read(content) is { } pointer)
                pointers[pointer.Sha256] = pointer.Size;
        }
        catch (InvalidDataException e)
        {
            Damage($"{name}, {id}", e.Message, FromBackup);
        }
    }

    /// <summary>Anybody may commit a text that looks like a pointer, so a pointer to nothing is no damage by itself.</summary>
    async Task CheckPointersAsync(DbTransaction t, long repo, string name, Dictionary<Sha256, long> pointers)
    {
        foreach (var batch in pointers.Chunk(500))
        {
            var hashes = batch.Select(p => p.Key.ToArray()).ToArray();
            var held = (await t.QueryAsync<(byte[] Sha256, long Size)>(
                $"SELECT c.sha256, c.size FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = @repo AND c.sha256 {database.In("hashes")}", new { repo, hashes }))
                .ToDictionary(h => new Sha256(h.Sha256), h => h.Size);
            foreach (var (sha256, size) in batch)
                if (!held.TryGetValue(sha256, out var actual))
                    report.Findings.Add(new Finding(false, name,
                        $"a small file points to the large file {sha256}, which this repository was never sent", "nothing, or upload it"));
                else if (actual != size)
                    report.Findings.Add(new Finding(false, name, $"a small file says that {sha256} has {size} bytes; it has {actual}",
                        "commit the file anew"));
        }
    }

    void Damage(string subject, string problem, string remedy) => report.Findings.Add(new Finding(true, subject, problem, remedy));
}
