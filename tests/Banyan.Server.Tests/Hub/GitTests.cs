using System.Diagnostics;
using System.Text;
using Banyan.Server.Git;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

/// <summary>What the hub writes is what git would have written: git itself is asked.</summary>
public sealed class GitTests
{
    [Fact]
    public async Task Git_finds_nothing_wrong_with_the_objects_and_reads_the_same_files()
    {
        await using var hub = await HubServer.StartAsync();
        var repo = await hub.CreateRepoAsync("git");
        // Names whose order git and a plain sort disagree about, and folders that come and go.
        await hub.CommitFilesAsync(repo, hub.Ana, ("a.txt", "1"), ("a/b", "2"), ("a-b", "3"), ("a0", "4"), ("ä/ö.txt", "5"),
            ("deep/er/and/deeper.txt", "6"));
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, "häé\nline <x>", null, HubServer.File("a/c", "7"),
            ("deletedFolder", new { path = "deep" })));

        var rows = await hub.Server.Services.GetRequiredService<HubDatabase>().ReadAsync(
            c => c.QueryAsync<(byte[] Oid, string Kind, byte[] Content)>("SELECT oid, kind, content FROM git_objects"), default);
        var folder = Directory.CreateTempSubdirectory("banyan-git-").FullName;
        try
        {
            Git(folder, null, "init", "--bare", "-q");
            foreach (var (oid, kind, content) in rows)
                Assert.Equal(Convert.ToHexStringLower(oid), Git(folder, content, "hash-object", "-w", "--stdin", "-t", kind).Trim());
            var head = (await hub.GetJsonAsync($"/api/models/{repo}/refs")).GetProperty("branches")[0].GetProperty("targetCommit")
                .GetString()!;
            Git(folder, null, "update-ref", "refs/heads/main", head);
            Assert.Equal("", Git(folder, null, "fsck", "--full", "--strict"));
            Assert.Equal("häé line <x>", Git(folder, null, "log", "-1", "--format=%s", "main").Trim());
            Assert.Equal("ana <ana@users.noreply.banyan>", Git(folder, null, "log", "-1", "--format=%an <%ae>", "main").Trim());
            Assert.Equal(
                [".gitattributes", "a-b", "a.txt", "a/b", "a/c", "a0", "ä/ö.txt"],
                Git(folder, null, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "main")
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Equal("7", Git(folder, null, "show", "main:a/c"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_commit_of_git_is_read_signature_and_all()
    {
        const string Text =
            "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 0123456789012345678901234567890123456789\nauthor A B <a@b> 1700000000 +0200\ncommitter C <c@d> 1700000001 -0530\n"
            + "gpgsig -----BEGIN PGP SIGNATURE-----\n \n tree 0000\n -----END PGP SIGNATURE-----\n\nTitle\n\nBody\n";
        var commit = GitCommit.Read(Encoding.UTF8.GetBytes(Text));
        Assert.Equal("4b825dc642cb6eb9a060e54bf8d69288fbee4904", commit.Tree.ToString());
        Assert.Equal(new GitSignature("A B", "a@b", 1700000000), commit.Author);
        // What no calendar has is still a commit that pages and lists can tell.
        Assert.Equal((253_402_300_799, -62_135_596_800),
            (GitSignature.Parse("A <a@b> 99999999999999 +0000").UnixSeconds,
                GitSignature.Parse("A <a@b> -99999999999999 +0000").UnixSeconds));
        Assert.Equal(("Title", "Body"), (commit.Title, commit.Body));
        Assert.Single(commit.Parents);
    }

    [Theory]
    [InlineData("main", true)]
    [InlineData("feature/x.1", true)]
    [InlineData("a..b", false)]
    [InlineData("a b", false)]
    [InlineData("-x", false)]
    [InlineData("x.lock", false)]
    [InlineData("a//b", false)]
    [InlineData("/a", false)]
    [InlineData("a/", false)]
    [InlineData("a~1", false)]
    [InlineData("a:b", false)]
    [InlineData("HEAD", false)]
    [InlineData("@", false)]
    [InlineData("a@{1}", false)]
    [InlineData("a/.b", false)]
    [InlineData("", false)]
    public void Names_of_branches_are_gits(string name, bool ok)
    {
        Assert.Equal(ok, Refs.IsName(name));
        if (name.Length > 0 && name is not ("HEAD" or "@") && name[0] != '-')
            Assert.Equal(ok, Run(".", null, "check-ref-format", $"refs/heads/{name}").Code == 0);
    }

    static string Git(string folder, byte[]? input, params string[] arguments)
    {
        var (code, output) = Run(folder, input, arguments);
        Assert.True(code == 0, $"git {string.Join(' ', arguments)}: {output}");
        return output;
    }

    static (int Code, string Output) Run(string folder, byte[]? input, params string[] arguments)
    {
        Process process;
        try
        {
            process =
                Process.Start(new ProcessStartInfo("git", arguments)
                {
                    WorkingDirectory = folder,
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    StandardOutputEncoding = Encoding.UTF8
                })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            SharedData.Missing("git is not installed (apt install git)");
            throw;
        }
        using (process)
        {
            if (input is not null)
                process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output);
        }
    }
}
