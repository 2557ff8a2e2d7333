using System.Text;
using Banyan.Server.Git;
using Banyan.Server.Git.Packs;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Git;

/// <summary>Objects that git's own fsck refuses, or that do harm where they are checked out, never become part of a repository.</summary>
public sealed class ObjectCheckTests : IAsyncLifetime
{
    const string Id = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Who = "ana <a@b> 1 +0000";

    readonly GitPrograms _git = new();
    HubServer _hub = null!;

    public async ValueTask InitializeAsync()
    {
        _hub = await HubServer.StartAsync();
        await _hub.CreateRepoAsync("coder");
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _git.Dispose();
    }

    [Theory]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}\n\nhi\n", null)]
    [InlineData("tree {id}\nparent {id}\nparent {id}\nauthor {who}\ncommitter {who}\nencoding latin1\ngpgsig -----BEGIN\n x\n -----END\n\nhi\n", null)]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}\n", null)]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}", "unterminatedHeader")]
    [InlineData("tree {id}\nauthor a\0{who}\ncommitter {who}\n\n", "nulInHeader")]
    [InlineData("parent {id}\nauthor {who}\ncommitter {who}\n\n", "missingTree")]
    [InlineData("tree {ID}\nauthor {who}\ncommitter {who}\n\n", "badTreeSha1")]
    [InlineData("tree {id}\ntree {id}\nauthor {who}\ncommitter {who}\n\n", "missingAuthor")]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}\ntree {id}\n\n", "twice")]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}\nparent {id}\n\n", "twice")]
    [InlineData("tree {id}\nparent abc\nauthor {who}\ncommitter {who}\n\n", "badParentSha1")]
    [InlineData("tree {id}\nauthor {who}\nauthor {who}\ncommitter {who}\n\n", "multipleAuthors")]
    [InlineData("tree {id}\nauthor {who}\n\n", "missingCommitter")]
    [InlineData("tree {id}\nauthor ana 1 +0000\ncommitter {who}\n\n", "badEmail")]
    [InlineData("tree {id}\nauthor ana<a@b> 1 +0000\ncommitter {who}\n\n", "missingSpaceBeforeEmail")]
    [InlineData("tree {id}\nauthor ana <a@b>\ncommitter {who}\n\n", "badDate")]
    [InlineData("tree {id}\nauthor ana <a@b> 01 +0000\ncommitter {who}\n\n", "zeroPaddedDate")]
    [InlineData("tree {id}\nauthor ana <a@b> 99999999999999999999 +0000\ncommitter {who}\n\n", "badDateOverflow")]
    [InlineData("tree {id}\nauthor ana <a@b> 1 0000\ncommitter {who}\n\n", "badTimezone")]
    [InlineData("tree {id}\nauthor {who}\ncommitter {who}\n continued\n\n", "badHeaderContinuation")]
    public void Commits(string text, string? problem) => Check(GitKind.Commit, Encoding.Latin1.GetBytes(Fill(text)), problem);

    [Theory]
    [InlineData("object {id}\ntype commit\ntag v1\ntagger {who}\n\nhi\n", null)]
    [InlineData("object {id}\ntype commit\ntag v1\n\nold\n", null)]
    [InlineData("type commit\ntag v1\ntagger {who}\n\n", "missingObject")]
    [InlineData("object {id}\ntype thing\ntag v1\ntagger {who}\n\n", "badType")]
    [InlineData("object {id}\ntag v1\ntagger {who}\n\n", "badType")]
    [InlineData("object {id}\ntype commit\ntag a..b\ntagger {who}\n\n", "badTagName")]
    [InlineData("object {id}\ntype commit\ntag v1\ntagger nobody\n\n", "badEmail")]
    public void Tags(string text, string? problem) => Check(GitKind.Tag, Encoding.Latin1.GetBytes(Fill(text)), problem);

    [Theory]
    [InlineData("100644 a|40000 a-b|100755 b|120000 c|160000 d", null)]
    [InlineData("100644 b|100644 a", "treeNotSorted")]
    [InlineData("40000 a|100644 a.b", "treeNotSorted")]
    [InlineData("100644 a|40000 a", "duplicateEntries")]
    [InlineData("100664 a", "badFilemode")]
    [InlineData("040000 a", "zeroPaddedFilemode")]
    [InlineData("100644 a/b", "fullPathname")]
    [InlineData("100644 .", "hasDot")]
    [InlineData("40000 ..", "hasDotdot")]
    [InlineData("40000 .git", "hasDotgit")]
    [InlineData("40000 .GIT", "hasDotgit")]
    [InlineData("40000 git~1", "hasDotgit")]
    [InlineData("40000 .g\u200cit", "hasDotgit")]
    [InlineData("40000 .git:x", "hasDotgit")]
    [InlineData("100644 a\\b", "'\\'")]
    [InlineData("100644 a\tb", "control")]
    [InlineData("100644 c:", "drive")]
    public void Trees(string lines, string? problem) => Check(
        GitKind.Tree, [.. lines.Split('|').SelectMany(l => Encoding.UTF8.GetBytes(l + "\0").Concat(Convert.FromHexString(Id)))], problem);

    static string Fill(string text) => text.Replace("{id}", Id, StringComparison.Ordinal)
        .Replace("{ID}", Id.ToUpperInvariant(), StringComparison.Ordinal).Replace("{who}", Who, StringComparison.Ordinal);

    static void Check(GitKind kind, byte[] content, string? problem)
    {
        var found = ObjectCheck.Problem(kind, content);
        if (problem is null)
            Assert.Null(found);
        else
            Assert.Contains(problem, found);
    }

    [Theory]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = https://example.org/a.git\n", null)]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = ../a.git\n", null)]
    [InlineData("[submodule \"../a\"]\n\tpath = a\n\turl = https://e.org/a\n", "gitmodulesName")]
    [InlineData("[submodule \"a\"]\n\tpath = -x\n\turl = https://e.org/a\n", "gitmodulesPath")]
    [InlineData("[submodule \"a\"]\n\tpath = \"a\r\"\n\turl = https://e.org/a\n", "carriage return")]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = -u./x\n", "gitmodulesUrl")]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = ext::sh -c id\n", "gitmodulesUrl")]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = ssh://-oProxyCommand=id/x\n", "gitmodulesUrl")]
    [InlineData("[submodule \"a\"]\n\tpath = a\n\turl = https://e.org/a\n\tupdate = !sh\n", "gitmodulesUpdate")]
    public void Submodules(string text, string? problem)
    {
        var found = ObjectCheck.ModulesProblem(Encoding.UTF8.GetBytes(text));
        if (problem is null)
            Assert.Null(found);
        else
            Assert.Contains(problem, found);
    }

    /// <summary>
    /// git is made to write what it would not, and to push it: the person who pushes is told why it is refused, and nothing changes.
    /// </summary>
    [Fact]
    public async Task A_push_of_them_is_refused_whole()
    {
        var work = await _git.InitAsync("work");
        var url = GitPrograms.Url(_hub, "ana/coder", _hub.Ana);
        async Task<string> WriteAsync(string kind, byte[] content) =>
            (await _git.TryAsync(work, content, ["hash-object", "-t", kind, "-w", "--stdin", "--literally"])).Output;
        async Task<string> CommitAsync(string tree) =>
            await WriteAsync("commit",
                Encoding.UTF8.GetBytes(Fill("tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n")
                    .Replace("{tree}", tree, StringComparison.Ordinal)));
        async Task<string> TreeAsync(string mode, string name, string id) =>
            await WriteAsync("tree", [.. Encoding.UTF8.GetBytes($"{mode} {name}\0"), .. Convert.FromHexString(id)]);
        async Task RefusedAsync(string problem, string commit)
        {
            var (code, output) = await _git.TryAsync(work, "push", url, $"{commit}:refs/heads/evil");
            Assert.True(code != 0 && output.Contains(problem, StringComparison.Ordinal), output);
            Assert.DoesNotContain("evil", await _git.RunAsync(work, "ls-remote", url));
        }

        var blob = await WriteAsync("blob", "x"u8.ToArray());
        await RefusedAsync("hasDotgit", await CommitAsync(await TreeAsync("40000", ".git", await TreeAsync("100644", "config", blob))));
        await RefusedAsync("outside of the repository",
            await CommitAsync(await TreeAsync("120000", "out", await WriteAsync("blob", "../../etc/passwd"u8.ToArray()))));
        await RefusedAsync("outside of the repository",
            await CommitAsync(await TreeAsync("40000", "deep",
                await TreeAsync("120000", "out", await WriteAsync("blob", "../../x"u8.ToArray())))));
        await RefusedAsync("links into .git",
            await CommitAsync(await TreeAsync("120000", "hook", await WriteAsync("blob", ".git/hooks"u8.ToArray()))));
        await RefusedAsync("may not be a link",
            await CommitAsync(await TreeAsync("120000", ".gitmodules", await WriteAsync("blob", "x"u8.ToArray()))));
        await RefusedAsync("gitmodulesUrl",
            await CommitAsync(await TreeAsync("100644", ".gitmodules",
                await WriteAsync("blob", "[submodule \"a\"]\n\turl = ext::sh\n"u8.ToArray()))));
        await RefusedAsync("gitattributesLineLength",
            await CommitAsync(await TreeAsync("100644", ".gitattributes",
                await WriteAsync("blob", [.. Enumerable.Repeat((byte)'a', 3000)]))));
        await RefusedAsync("10485760",
            await CommitAsync(await TreeAsync("100644", "large.bin", await WriteAsync("blob", new byte[11 << 20]))));
        await RefusedAsync("has not been uploaded", await CommitAsync(await TreeAsync(
            "100644", "model.safetensors",
            await WriteAsync("blob",
                Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 5\n")))));
        var honest = await CommitAsync(await TreeAsync("120000", "in", await WriteAsync("blob", "folder/../file"u8.ToArray())));
        await _git.RunAsync(work, "push", "-q", url, $"{honest}:refs/heads/good");
    }
}
