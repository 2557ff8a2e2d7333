using System.Diagnostics;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Git;

/// <summary>The program git, unmodified, with a home of its own below a temporary folder.</summary>
sealed class GitPrograms : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-git-");

    public GitPrograms()
    {
        if (!Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(f => File.Exists(Path.Combine(f, "git"))))
            SharedData.Missing("git is not installed: tests/prepare installs it");
    }

    public string Folder => _folder.FullName;

    /// <summary>A path below its folder.</summary>
    public string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    /// <summary>The address of a repository, with a token as password.</summary>
    public static string Url(HubServer hub, string repo, string? token) =>
        $"{(token is null ? hub.Address : hub.Address.Replace("://", $"://user:{token}@", StringComparison.Ordinal))}/{repo}";

    /// <summary>Runs git in a folder below; fails where git does.</summary>
    public async Task<string> RunAsync(string folder, params string[] arguments)
    {
        var (code, output) = await TryAsync(folder, arguments);
        Assert.True(code == 0, $"git {string.Join(' ', arguments)}: {output}");
        return output;
    }

    /// <summary>Runs git and tells how it ended.</summary>
    public async Task<(int Code, string Output)> TryAsync(string folder, params string[] arguments) =>
        await TryAsync(folder, null, arguments);

    /// <summary>Runs git with something on its standard input.</summary>
    public async Task<(int Code, string Output)> TryAsync(string folder, byte[]? input, string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = Path.Combine(Folder, folder),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = input is not null,
        };
        foreach (var (name, value) in new[]
        {
            ("HOME", Folder), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_AUTHOR_NAME", "ana"),
            ("GIT_AUTHOR_EMAIL", "ana@example.org"),
            ("GIT_COMMITTER_NAME", "ana"), ("GIT_COMMITTER_EMAIL", "ana@example.org"), ("GIT_LFS_SKIP_SMUDGE", "1"), ("LC_ALL", "C"),
        })
            start.Environment[name] = value;
        using var git = Process.Start(start)!;
        var (output, errors) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        if (input is not null)
        {
            await git.StandardInput.BaseStream.WriteAsync(input);
            git.StandardInput.Close();
        }
        await git.WaitForExitAsync();
        return (git.ExitCode, (await output + await errors).Trim());
    }

    /// <summary>A new repository with a branch main.</summary>
    public async Task<string> InitAsync(string name)
    {
        await RunAsync("", "init", "-q", "--initial-branch=main", name);
        return name;
    }

    /// <summary>Writes a file and commits it.</summary>
    public async Task CommitAsync(string work, string file, string text, string message = "change")
    {
        var path = Path.Combine(Folder, work, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, text);
        await RunAsync(work, "add", "-A");
        await RunAsync(work, "commit", "-qm", message);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
