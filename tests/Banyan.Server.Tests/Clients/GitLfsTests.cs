using System.Diagnostics;
using System.Security.Cryptography;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients;

/// <summary>
/// The program git-lfs, unmodified, keeps the large files of a repository on the hub: <c>lfs.url</c> names it, git itself pushes to a
/// folder.
/// </summary>
public sealed class GitLfsTests : IAsyncLifetime
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-lfs-");
    HubServer _hub = null!;

    public async ValueTask InitializeAsync()
    {
        if (!OnPath("git") || !OnPath("git-lfs"))
            SharedData.Missing("git and git-lfs are not installed: tests/prepare installs them");
        _hub = await HubServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_hub is not null)
            await _hub.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    static bool OnPath(string name) => Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
        .Any(f => File.Exists(Path.Combine(f, name)));

    [Fact]
    public async Task Files_are_pushed_and_pulled()
    {
        await _hub.CreateRepoAsync("lfs", isPrivate: true);
        byte[] large = RandomNumberGenerator.GetBytes(12_000_000), small = RandomNumberGenerator.GetBytes(3000);
        var work = await NewWorkAsync("work", _hub.Ana);
        await File.WriteAllBytesAsync(Path.Combine(work, "large.bin"), large);
        await File.WriteAllBytesAsync(Path.Combine(work, "small.bin"), small);
        await File.WriteAllBytesAsync(Path.Combine(work, "empty.bin"), []);
        await GitAsync(work, "add", "-A");
        await GitAsync(work, "commit", "-qm", "one");
        await GitAsync(work, "push", "origin", "main");

        // The hub holds what git names, and another clone gets it back.
        var held = await _hub.PostJsonAsync(
            "/ana/lfs.git/info/lfs/objects/batch",
            new { operation = "download", objects = new[] { new { oid = HubServer.Sha256(large), size = large.Length } } }, _hub.Ana);
        Assert.True(held.GetProperty("objects")[0].TryGetProperty("actions", out _));
        var copy = await CloneAsync("copy", _hub.Ana);
        await GitAsync(copy, "lfs", "pull");
        Assert.Equal(large, await File.ReadAllBytesAsync(Path.Combine(copy, "large.bin")));
        Assert.Equal(small, await File.ReadAllBytesAsync(Path.Combine(copy, "small.bin")));
        Assert.Contains("Git LFS fsck OK", await GitAsync(copy, "lfs", "fsck"));

        // A change, and a push that was lost after its upload: it goes on from there.
        large[5_000_000] ^= 1;
        await File.WriteAllBytesAsync(Path.Combine(work, "large.bin"), large);
        await GitAsync(work, "commit", "-qam", "two");
        await GitAsync(work, "lfs", "push", "origin", "main");
        await GitAsync(work, "push", "origin", "main");
        await GitAsync(copy, "pull", "-q");
        await GitAsync(copy, "lfs", "pull");
        Assert.Equal(large, await File.ReadAllBytesAsync(Path.Combine(copy, "large.bin")));
    }

    [Fact]
    public async Task What_another_has_locked_is_not_pushed_over()
    {
        await _hub.CreateRepoAsync("lfs", isPrivate: true, organization: "acme");
        await _hub.Accounts.SetMemberAsync("acme", "ben", Banyan.Server.Access.Right.Write, default);
        var work = await NewWorkAsync("work", _hub.Ana, "acme");
        await File.WriteAllBytesAsync(Path.Combine(work, "a.bin"), RandomNumberGenerator.GetBytes(2000));
        await GitAsync(work, "add", "-A");
        await GitAsync(work, "commit", "-qm", "one");
        await GitAsync(work, "push", "origin", "main");
        await GitAsync(work, "lfs", "lock", "a.bin");
        Assert.Matches("^a.bin\\s+ana\\s+ID:\\d+$", await GitAsync(work, "lfs", "locks"));

        var other = await CloneAsync("other", _hub.Ben, "acme");
        await GitAsync(other, "lfs", "pull");
        Assert.Contains("locked", (await RunAsync(other, "lfs", "lock", "a.bin")).Output);
        await GitAsync(other, "config", $"lfs.{Url(_hub.Ben, "acme")}.locksverify", "true");
        await File.WriteAllBytesAsync(Path.Combine(other, "a.bin"), RandomNumberGenerator.GetBytes(2000));
        await GitAsync(other, "commit", "-qam", "two");
        var (code, output) = await RunAsync(other, "push", "origin", "main");
        Assert.True(code != 0 && output.Contains("a.bin - ana", StringComparison.Ordinal), output);
        await GitAsync(work, "lfs", "unlock", "a.bin");
        await GitAsync(other, "push", "origin", "main");
    }

    [Fact]
    public async Task A_large_file_is_pushed_in_parts_by_an_agent()
    {
        if (!OnPath("node"))
            SharedData.Missing("Node.js is not installed: tests/prepare installs it");
        await _hub.CreateRepoAsync("lfs", isPrivate: true);
        // Eleven parts of 8 MB: in the order of the alphabet the tenth would come after the first.
        byte[] large = RandomNumberGenerator.GetBytes((80 << 20) + 1000), small = RandomNumberGenerator.GetBytes(3000);
        var work = await NewWorkAsync("work", _hub.Ana);
        await GitAsync(work, "config", "lfs.customtransfer.multipart.path", "node");
        await GitAsync(work, "config", "lfs.customtransfer.multipart.args",
            Path.Combine(SharedData.Repository, "tests", "Clients", "multipart-agent.mjs"));
        await File.WriteAllBytesAsync(Path.Combine(work, "large.bin"), large);
        await File.WriteAllBytesAsync(Path.Combine(work, "small.bin"), small);
        await GitAsync(work, "add", "-A");
        await GitAsync(work, "commit", "-qm", "one");
        await GitAsync(work, "push", "origin", "main");

        var copy = await CloneAsync("copy", _hub.Ana);
        await GitAsync(copy, "lfs", "pull");
        Assert.True((await File.ReadAllBytesAsync(Path.Combine(copy, "large.bin"))).AsSpan().SequenceEqual(large));
        Assert.Equal(small, await File.ReadAllBytesAsync(Path.Combine(copy, "small.bin")));
    }

    [Fact]
    public async Task Who_may_not_write_does_not_push_and_who_may_not_read_does_not_pull()
    {
        await _hub.CreateRepoAsync("lfs", isPrivate: true);
        var work = await NewWorkAsync("work", _hub.Ben);
        await File.WriteAllBytesAsync(Path.Combine(work, "a.bin"), RandomNumberGenerator.GetBytes(2000));
        await GitAsync(work, "add", "-A");
        await GitAsync(work, "commit", "-qm", "one");
        Assert.NotEqual(0, (await RunAsync(work, "push", "origin", "main")).Code);
        await GitAsync(work, "config", "lfs.url", Url(_hub.Ana));
        await GitAsync(work, "push", "origin", "main");
        var copy = await CloneAsync("copy", _hub.Ben);
        Assert.NotEqual(0, (await RunAsync(copy, "lfs", "pull")).Code);
        Assert.StartsWith("version https://git-lfs", await File.ReadAllTextAsync(Path.Combine(copy, "a.bin")));
    }

    string Url(string token, string owner = "ana") =>
        $"{_hub.Address.Replace("://", $"://user:{token}@", StringComparison.Ordinal)}/{owner}/lfs.git/info/lfs";

    async Task<string> NewWorkAsync(string name, string token, string owner = "ana")
    {
        await GitAsync(_folder.FullName, "init", "-q", "--bare", "--initial-branch=main", "remote.git");
        var work = await CloneAsync(name, token, owner);
        await GitAsync(work, "checkout", "-qb", "main");
        await GitAsync(work, "lfs", "track", "*.bin");
        return work;
    }

    async Task<string> CloneAsync(string name, string token, string owner = "ana")
    {
        await GitAsync(_folder.FullName, "clone", "-q", "remote.git", name);
        var work = Path.Combine(_folder.FullName, name);
        await GitAsync(work, "lfs", "install", "--local");
        await GitAsync(work, "config", "lfs.url", Url(token, owner));
        return work;
    }

    async Task<string> GitAsync(string folder, params string[] arguments)
    {
        var (code, output) = await RunAsync(folder, arguments);
        Assert.True(code == 0, $"git {string.Join(' ', arguments)}: {output}");
        return output;
    }

    async Task<(int Code, string Output)> RunAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        foreach (var (name, value) in new[]
        {
            ("HOME", _folder.FullName), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_AUTHOR_NAME", "ana"),
            ("GIT_AUTHOR_EMAIL", "ana@example.org"),
            ("GIT_COMMITTER_NAME", "ana"), ("GIT_COMMITTER_EMAIL", "ana@example.org"), ("GIT_LFS_SKIP_SMUDGE", "1"),
        })
            start.Environment[name] = value;
        using var git = Process.Start(start)!;
        var (output, errors) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        await git.WaitForExitAsync();
        return (git.ExitCode, (await output + await errors).Trim());
    }
}
