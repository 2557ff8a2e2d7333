using System.Diagnostics;
using System.Security.Cryptography;
using Banyan.Server;
using Banyan.Server.Hub;
using Banyan.Tests;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Cli.Tests.Commands;

/// <summary>A git repository with large files goes into a hub and comes out again.</summary>
public sealed class ImportExportTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-import-");

    public void Dispose() => _folder.Delete(recursive: true);

    string PathOf(params string[] parts) => Path.Combine([_folder.FullName, .. parts]);

    Dictionary<string, string> Environment => new()
    {
        ["HOME"] = _folder.FullName,
        ["GIT_CONFIG_NOSYSTEM"] = "1",
        ["GIT_AUTHOR_NAME"] = "ana",
        ["GIT_AUTHOR_EMAIL"] = "ana@example.org",
        ["GIT_COMMITTER_NAME"] = "ana",
        ["GIT_COMMITTER_EMAIL"] = "ana@example.org",
        ["GIT_LFS_SKIP_SMUDGE"] = "1",
    };

    async Task<string> GitAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = PathOf(folder),
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        using var git = Process.Start(start)!;
        var (output, errors) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        await git.WaitForExitAsync();
        Assert.True(git.ExitCode == 0, $"git {string.Join(' ', arguments)}: {await errors}");
        return (await output).Trim();
    }

    async Task<(int Code, string Output, string Error)> HubAsync(params string[] arguments) =>
        await Tool.Run(["hub", .. arguments, "--data", PathOf("hub")], environment: Environment);

    async Task DoneAsync(params string[] arguments)
    {
        var (code, _, error) = await HubAsync(arguments);
        Assert.True(code == 0, error);
    }

    Task<string> RefsAsync(string folder) =>
        GitAsync(folder, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags");

    [Fact]
    public async Task What_goes_in_comes_out_with_its_large_files_and_more_of_it_later()
    {
        if (!System.Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(f => File.Exists(Path.Combine(f, "git-lfs"))))
            SharedData.Missing("git-lfs is not installed: tests/prepare installs it");
        await GitAsync("", "init", "-q", "-b", "main", "source");
        await GitAsync("source", "lfs", "install", "--local");
        await GitAsync("source", "lfs", "track", "*.bin");
        var large = RandomNumberGenerator.GetBytes(200_000);
        await File.WriteAllBytesAsync(PathOf("source", "weights.bin"), large, TestContext.Current.CancellationToken);
        await GitAsync("source", "add", "-A");
        await GitAsync("source", "commit", "-qm", "one");
        await GitAsync("source", "tag", "-a", "-m", "first", "v1");
        await GitAsync("source", "branch", "side");
        await DoneAsync("user", "add", "ana");

        await DoneAsync("import", PathOf("source"), "datasets/ana/corpus", "--private");
        await DoneAsync("export", "datasets/ana/corpus", PathOf("out.git"));
        Assert.Equal(await RefsAsync("source"), await RefsAsync("out.git"));
        await GitAsync("", "clone", "-q", "out.git", "copy");
        await GitAsync("copy", "lfs", "install", "--local");
        await GitAsync("copy", "lfs", "pull");
        Assert.Equal(large, await File.ReadAllBytesAsync(PathOf("copy", "weights.bin"), TestContext.Current.CancellationToken));
        // No token is left.
        Assert.DoesNotContain("import", (await HubAsync("token", "list")).Output, StringComparison.Ordinal);

        // By address, from another hub: branches and tags by git over HTTP, large files by git-lfs.
        await DoneAsync("import", PathOf("source"), "ana/open");
        await using (var other =
            BanyanServer.Build(new ServerOptions { Host = "127.0.0.1", Port = 0, Hub = new HubOptions { DataFolder = PathOf("hub") } }))
        {
            await other.StartAsync(TestContext.Current.CancellationToken);
            var address = other.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            foreach (var arguments in (string[][])[["user", "add", "ana"], ["import", $"{address}/ana/open", "ana/open"],
                ["export", "ana/open", PathOf("second.git")]])
            {
                var (code, _, error) = await Tool.Run(["hub", .. arguments, "--data", PathOf("second")], environment: Environment);
                Assert.True(code == 0, error);
            }
            await other.StopAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(await RefsAsync("source"), await RefsAsync("second.git"));
        Assert.Equal(large,
            await File.ReadAllBytesAsync(
                Assert.Single(Directory.GetFiles(PathOf("second.git", "lfs", "objects"), "*", SearchOption.AllDirectories)),
                TestContext.Current.CancellationToken));

        // Again: what is new, and nothing over what the hub has beside it.
        await GitAsync("source", "commit", "-q", "--allow-empty", "-m", "two");
        await DoneAsync("import", PathOf("source"), "datasets/ana/corpus");
        await DoneAsync("export", "datasets/ana/corpus", PathOf("out.git"));
        Assert.Equal(await RefsAsync("source"), await RefsAsync("out.git"));
        await GitAsync("source", "commit", "-q", "--amend", "--allow-empty", "-m", "another two");
        foreach (var (message, arguments) in new (string, string[])[]
        {
            ("rejected", ["import", PathOf("source"), "datasets/ana/corpus"]),
            ("no address", ["import", "ext::sh -c true", "ana/x"]),
            ("there is no model 'ana/x'", ["export", "ana/x", PathOf("new")]),
            ("no bare git repository", ["export", "datasets/ana/corpus", PathOf("source")]),
        })
        {
            var (code, _, error) = await HubAsync(arguments);
            Assert.True(code == 1 && error.Contains(message, StringComparison.Ordinal), error);
        }
        Assert.False(Directory.Exists(PathOf("new")));
    }
}
