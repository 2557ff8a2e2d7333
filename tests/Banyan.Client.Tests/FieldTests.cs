using System.Security.Cryptography;
using Banyan.Client.Hub;
using Banyan.Client.Push;
using Banyan.Client.Tests.Support;
using Microsoft.AspNetCore.Http;
using static Banyan.Client.Tests.Support.Machine;

namespace Banyan.Client.Tests;

/// <summary>What clients met on other people's hubs and links.</summary>
public class FieldTests(SharedHub shared)
{
    /// <summary>
    /// A repo that brought the notes of a tool, and a later honest pull into the same folder: what is there is not what was asked for,
    /// whatever a note says.
    /// </summary>
    [Fact]
    public async Task A_note_in_a_folder_is_not_believed()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var honest = Bytes(100_000, 31);
        await machine.PushAsync(machine.Folder("model", ("b.bin", honest)), "notes");
        var folder = machine.Folder("out", ("b.bin", Bytes(100_000, 32)));
        var hash = Convert.ToHexStringLower(SHA256.HashData(honest));
        foreach (var etag in (string[])[hash, await BlobIdAsync(machine, "notes")])
            machine.Folder("out",
                (".cache/huggingface/download/b.bin.metadata",
                    System.Text.Encoding.ASCII.GetBytes($"{new string('0', 40)}\n{etag}\n9999999999.0\n")));
        var (pulled, _) = await machine.PullAsync("notes", r => r with { Folder = folder });
        Assert.False(pulled.Files[0].WasHere);
        Assert.Equal(honest, File.ReadAllBytes(Path.Combine(folder, "b.bin")));
        // And again: what was verified is not read again, by a note that lies where no repo's files come.
        Assert.True((await machine.PullAsync("notes", r => r with { Folder = folder })).Result.Files[0].WasHere);

        // A repo cannot bring them: the client neither sends nor writes them, and the hub does not take them.
        Assert.DoesNotContain(
            LocalFile.Find(machine.Folder("planted", ("a.txt", [1]), ("sub/.cache/huggingface/download/x.metadata", [1]))),
            f => f.Path.Contains("huggingface", StringComparison.Ordinal));
        using var http = new HttpClient
        {
            BaseAddress = new(hub.Address),
            DefaultRequestHeaders = { Authorization = new("Bearer", hub.Ana) }
        };
        foreach (var path in (string[])[".cache/huggingface/download/b.bin.metadata", "sub/.Cache/Huggingface/x"])
        {
            using var answer = await http.PostAsync("/api/models/ana/notes/commit/main", new StringContent(
                "{\"key\":\"header\",\"value\":{\"summary\":\"x\"}}\n"
                    + $$"""{"key":"file","value":{"path":"{{path}}","encoding":"base64","content":"YQ=="} }""",
                    new System.Net.Http.Headers.MediaTypeHeaderValue("application/x-ndjson")), TestContext.Current.CancellationToken);
            Assert.Equal(422, (int)answer.StatusCode);
            Assert.Contains("huggingface", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
    }

    static async Task<string> BlobIdAsync(Machine machine, string name)
    {
        using var client = machine.Client();
        return (await client.ListAsync(Repo(name), "main"))[0].ETag;
    }

    /// <summary>
    /// The first answer is cut; after that something in between ignores Range, takes Content-Range off, or compresses what it passes.
    /// </summary>
    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, false, true)]
    [InlineData(false, false, true, true)]
    public async Task A_file_comes_whole_over_what_knows_no_parts(bool ignoresRange, bool stripsContentRange,
        bool chunks, bool compresses = false)
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var data = Bytes(3_000_000, 33);
        await machine.PushAsync(machine.Folder("model", ("w.bin", data)), "no-parts");
        await using var between = await Between.StartAsync(hub, ignoresRange, stripsContentRange, cutAfter: 400_000,
            compressesAll: compresses);
        var folder = Path.Combine(machine.Home, "out");
        var (pulled, _) = await machine.PullAsync("no-parts", r => r with { Folder = folder, UseChunks = chunks },
            o => o with { Endpoint = between.Address });
        Assert.True(pulled.IsComplete);
        Assert.Equal(data, File.ReadAllBytes(Path.Combine(folder, "w.bin")));
    }

    /// <summary>A link that breaks after every 100,000 bytes brings the file, in many pieces.</summary>
    [Fact]
    public async Task A_file_comes_in_short_pieces()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var data = Bytes(1_500_000, 34);
        await machine.PushAsync(machine.Folder("model", ("w.bin", data)), "pieces");
        await using var between = await Between.StartAsync(hub, cutAlwaysAfter: 200_000);
        var (pulled, _) = await machine.PullAsync("pieces", r => r with { UseChunks = false, Parallel = 1 },
            o => o with { Endpoint = between.Address, Attempts = 3 });
        Assert.Equal(data, File.ReadAllBytes(Path.Combine(pulled.Folder, "w.bin")));
    }

    [Fact]
    public async Task A_list_may_come_compressed()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        await machine.PushAsync(machine.Folder("model", ("a.txt", [1])), "packed");
        await using var between = await Between.StartAsync(hub, compresses: true);
        Assert.True((await machine.PullAsync("packed", options: o => o with { Endpoint = between.Address })).Result.IsComplete);
        Assert.True(between.Compressed >= 2);
    }

    /// <summary>Names as long as a file system takes them.</summary>
    [Fact]
    public async Task A_name_may_be_255_bytes()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var name = new string('n', 251) + ".txt";
        await machine.PushAsync(machine.Folder("model", (name, [7])), "long-name");
        Assert.True((await machine.PullAsync("long-name")).Result.IsComplete);
        var folder = Path.Combine(machine.Home, "out");
        Assert.True((await machine.PullAsync("long-name", r => r with { Folder = folder })).Result.IsComplete);
        Assert.Equal([7], File.ReadAllBytes(Path.Combine(folder, name)));
        Assert.Empty(Directory.EnumerateFiles(machine.Home, "*.tmp", SearchOption.AllDirectories));
    }

    /// <summary>A branch that was removed leaves its name to those below it, and the other way round.</summary>
    [Fact]
    public void A_branch_gives_way_to_those_below_its_name()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-refs-").FullName;
        var (cache, repo, commit) = (new HubCache(folder), Repo("x"), new string('a', 40));
        Directory.CreateDirectory(cache.Snapshot(repo, commit));
        foreach (var branch in (string[])["exp", "exp/lora", "exp/lora/deep", "exp"])
        {
            cache.SetRef(repo, branch, commit);
            Assert.Equal(commit, cache.CommitOf(repo, branch));
        }
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("retry", "asks to come back in 60 minutes")]
    [InlineData("pages", "without an end")]
    [InlineData("new pages", "without an end")]
    [InlineData("escape", "there is \ufffd[2J")]
    public async Task What_a_hub_does_is_said(string what, string message)
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        await machine.PushAsync(machine.Folder("model", ("a.txt", [1])), "odd-hub");
        var page = 0;
        await using var between = await Between.StartAsync(hub, instead: async context =>
        {
            if (!context.Request.Path.Value!.Contains("/tree/", StringComparison.Ordinal))
                return false;
            if (what == "retry")
                (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, "3600");
            else if (what == "escape")
            {
                context.Response.StatusCode = 403;
                await context.Response.WriteAsJsonAsync(new { error = "there is \u001b[2J" });
            }
            else
            {
                context.Response.Headers.Link = $"<{context.Request.Path}?cursor={(what == "pages" ? 1 : ++page)}>; rel=\"next\"";
                await context.Response.WriteAsJsonAsync(
                    new[] { new { type = "file", path = "a.txt", oid = new string('0', 40), size = 1 } });
            }
            return true;
        });
        var error =
            await Assert.ThrowsAsync<HubClientException>(() =>
                machine.PullAsync("odd-hub", options: o => o with { Endpoint = between.Address }));
        Assert.Contains(message, error.Message);
        Assert.DoesNotContain('\u001b', error.Message);
    }

    /// <summary>A wait that the hub asks for is waited for, and said once however many requests are asked.</summary>
    [Theory]
    [InlineData("3", 1)]
    [InlineData("0", 0)]
    public async Task A_wait_is_said(string seconds, int times)
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        await machine.PushAsync(machine.Folder("model", ("a.txt", [1])), "busy-hub");
        var (asked, said) = (0, new System.Collections.Concurrent.ConcurrentQueue<string>());
        await using var between = await Between.StartAsync(hub, instead: context =>
        {
            if (Interlocked.Increment(ref asked) > 2)
                return Task.FromResult(false);
            (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (503, seconds);
            return Task.FromResult(true);
        });
        using var client = new HubClient(new() { Endpoint = between.Address, Token = hub.Ana, Waits = said.Enqueue });
        // Two at once, each asked to wait once.
        var repo = RepoId.TryParse("ana/busy-hub", RepoType.Model, out var id, out _) ? id : throw new InvalidOperationException();
        await Task.WhenAll(client.CommitOfAsync(repo, "main", default), client.CommitOfAsync(repo, "main", default));
        Assert.Equal(times, said.Count);
        Assert.All(said, line => Assert.Contains($"is busy (503) and asks for a wait of {seconds} s", line));
    }

    /// <summary>A pipe would be waited for without end; an empty file is a file.</summary>
    [Theory]
    [InlineData("RemoteCertificateNameMismatch", "another name's")]
    [InlineData("RemoteCertificateChainErrors (PartialChain)", "SSL_CERT_FILE")]
    [InlineData("Cannot determine the frame size or a corrupted frame was received.", "http:// instead of https://")]
    public void What_is_wrong_with_a_certificate_is_said(string inner, string expected) =>
        Assert.Contains(expected,
            SystemProblem.Of(new HttpRequestException("The SSL connection could not be established, see inner exception.",
                new System.Security.Authentication.AuthenticationException(inner))), StringComparison.Ordinal);

    [Fact]
    public void What_the_system_refuses_is_said_in_a_users_terms()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-system-").FullName;
        try
        {
            string Said(Action work) => SystemProblem.Of(Assert.ThrowsAny<Exception>(work));
            Assert.Equal($"there is no file {folder}/a", Said(() => File.ReadAllText($"{folder}/a")));
            Assert.Equal($"there is no folder {folder}/b for a", Said(() => File.ReadAllText($"{folder}/b/a")));
            Assert.StartsWith($"{folder} is a folder", Said(() => File.ReadAllText(folder)), StringComparison.Ordinal);
            File.WriteAllText($"{folder}/f", "");
            Assert.StartsWith($"{folder}/f is a file where a folder is needed", Said(() => Directory.CreateDirectory($"{folder}/f")),
                StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Pipes_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes in folders");
        var folder = Directory.CreateTempSubdirectory("banyan-pipes-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "empty.txt"), "");
            Assert.Equal("empty.txt", Assert.Single(LocalFile.Find(folder)).Path);
            using (var made = System.Diagnostics.Process.Start("mkfifo", Path.Combine(folder, "pipe")))
                made.WaitForExit();
            Assert.Contains("'pipe' is a pipe", Assert.Throws<ArgumentException>(() => LocalFile.Find(folder)).Message);
            Assert.Contains("is a pipe", Assert.Throws<ArgumentException>(() => LocalFile.Find(Path.Combine(folder, "pipe"))).Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// A folder that links to its own parent is left out, a link to a file counts as the file, a link to nothing is named.
    /// </summary>
    [Fact]
    public void Links_are_files_or_are_left_out()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-links-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "sub"));
        File.WriteAllText(Path.Combine(folder, "a.txt"), "12345");
        Directory.CreateSymbolicLink(Path.Combine(folder, "sub", "up1"), "..");
        Directory.CreateSymbolicLink(Path.Combine(folder, "sub", "up2"), "..");
        File.CreateSymbolicLink(Path.Combine(folder, "sub", "b.txt"), "../a.txt");
        Assert.Equal([("a.txt", 5), ("sub/b.txt", 5)], LocalFile.Find(folder).Select(f => (f.Path, f.Size)));

        foreach (var (link, target) in ((string, string)[])[("model.safetensors", "../blobs/missing"), ("circle", "circle")])
        {
            File.CreateSymbolicLink(Path.Combine(folder, link), target);
            Assert.Contains($"'{link}' is a link to {target}", Assert.Throws<ArgumentException>(() => LocalFile.Find(folder)).Message);
            File.Delete(Path.Combine(folder, link));
        }
        Directory.Delete(folder, recursive: true);
    }
}
