using Banyan.Client.Tests.Support;
using static Banyan.Client.Tests.Support.Machine;

namespace Banyan.Client.Tests;

public class PullTests(SharedHub shared)
{
    const int Small = 64 * 1024;   // what asking and listing may cost

    [Theory]
    [InlineData("pull-chunks", true)]
    [InlineData("pull-whole", false)]
    public async Task What_was_pushed_comes_back_into_the_shared_cache(string name, bool chunks)
    {
        var hub = await shared.GetAsync();
        using var here = new Machine(hub);
        using var there = new Machine(hub);
        byte[] large = Bytes(5_000_000, 1), small = "# Hello\n"u8.ToArray();
        var folder = here.Folder("model", ("README.md", small), ("sub/weights.bin", large), ("same.bin", large), ("empty.txt", []));
        var (pushed, _) = await here.PushAsync(folder, name, r => r with { UseChunks = chunks });
        Assert.Equal((4, 4), (pushed.Files, pushed.Changed));

        var (pulled, received) = await there.PullAsync(name, r => r with { UseChunks = chunks });
        Assert.True(pulled.IsComplete);
        Assert.Equal(pushed.Commit, pulled.Commit);
        Assert.Equal(large, File.ReadAllBytes(Path.Combine(pulled.Folder, "sub/weights.bin")));
        Assert.Equal(large, File.ReadAllBytes(Path.Combine(pulled.Folder, "same.bin")));
        Assert.Equal(small, File.ReadAllBytes(Path.Combine(pulled.Folder, "README.md")));
        Assert.Empty(File.ReadAllBytes(Path.Combine(pulled.Folder, "empty.txt")));
        Assert.InRange(received, large.Length, large.Length + Small);

        // The layout that other tools read.
        var repo = Path.Combine(there.Cache.Folder, $"models--ana--{name}");
        Assert.Equal(pulled.Commit, File.ReadAllText(Path.Combine(repo, "refs", "main")));
        Assert.Equal(Path.Combine(repo, "snapshots", pulled.Commit), pulled.Folder);
        var link = new FileInfo(Path.Combine(pulled.Folder, "sub", "weights.bin")).LinkTarget;
        Assert.Equal($"../../../blobs/{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(large))}", link);
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(repo, "blobs")), b => b.Contains(".banyan.", StringComparison.Ordinal));

        // A second time nothing comes.
        var (again, less) = await there.PullAsync(name);
        Assert.All(again.Files, f => Assert.True(f.WasHere));
        Assert.InRange(less, 0, Small);
    }

    [Fact]
    public async Task A_folder_gets_the_files_and_what_changed_in_it_comes_again()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var large = Bytes(3_000_000, 2);
        await machine.PushAsync(machine.Folder("model", ("a.txt", "a"u8.ToArray()), ("b.bin", large)), "to-folder");
        var folder = Path.Combine(machine.Home, "out");
        var (pulled, _) = await machine.PullAsync("to-folder", r => r with { Folder = folder, Files = ["*.bin", "a.txt"] });
        Assert.Equal(folder, pulled.Folder);
        Assert.Equal(large, File.ReadAllBytes(Path.Combine(folder, "b.bin")));
        var note = File.ReadAllLines(Path.Combine(folder, ".cache", "huggingface", "download", "b.bin.metadata"));
        Assert.Equal((pulled.Commit, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(large))), (note[0], note[1]));

        File.WriteAllText(Path.Combine(folder, "a.txt"), "X");
        File.SetLastWriteTimeUtc(Path.Combine(folder, "a.txt"), DateTime.UtcNow.AddHours(1));
        var (again, received) = await machine.PullAsync("to-folder", r => r with { Folder = folder, Files = ["*.bin", "a.txt"] });
        Assert.Equal([("a.txt", false), ("b.bin", true)], again.Files.Select(f => (f.File.Path, f.WasHere)));
        Assert.Equal("a", File.ReadAllText(Path.Combine(folder, "a.txt")));
        Assert.InRange(received, 0, Small);
    }

    [Fact]
    public async Task Chunks_of_another_version_are_taken_from_this_disk()
    {
        var hub = await shared.GetAsync();
        using var maker = new Machine(hub);
        using var reader = new Machine(hub);
        var first = Bytes(70_000_000, 3);   // more than two of a pull's windows
        var second = first.ToArray();
        new Random(4).NextBytes(second.AsSpan(9_000_000, 1_000_000));
        await maker.PushAsync(maker.Folder("v1", ("model.bin", first)), "tuned");
        await reader.PullAsync("tuned");
        await maker.PushAsync(maker.Folder("v2", ("model.bin", second)), "tuned");
        var (pulled, received) = await reader.PullAsync("tuned");
        Assert.Equal(second, File.ReadAllBytes(Path.Combine(pulled.Folder, "model.bin")));
        Assert.InRange(received, 0, 1_600_000);

        // Chunks that somebody damaged on this disk are noticed at the end, and come from the hub.
        var third = second.ToArray();
        third[0] ^= 1;
        await maker.PushAsync(maker.Folder("v3", ("model.bin", third)), "tuned");
        foreach (var blob in new DirectoryInfo(Path.Combine(reader.Cache.Folder, "models--ana--tuned", "blobs")).GetFiles())
        {
            var written = blob.LastWriteTimeUtc;
            using (var file = blob.OpenWrite())
            {
                file.Position = 15_000_000;
                file.WriteByte((byte)(third[15_000_000] ^ 1));
            }
            blob.LastWriteTimeUtc = written;
        }
        (pulled, _) = await reader.PullAsync("tuned");
        Assert.Equal(third, File.ReadAllBytes(Path.Combine(pulled.Folder, "model.bin")));
    }

    [Fact]
    public async Task Bytes_that_another_repo_brought_are_not_fetched_again()
    {
        var hub = await shared.GetAsync();
        using var maker = new Machine(hub);
        using var reader = new Machine(hub);
        var bytes = Bytes(4_000_000, 5);
        await maker.PushAsync(maker.Folder("model", ("a.bin", bytes)), "one");
        await maker.PushAsync(maker.Folder("model", ("a.bin", bytes)), "other");
        await reader.PullAsync("one");
        var (pulled, received) = await reader.PullAsync("other");
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(pulled.Folder, "a.bin")));
        Assert.InRange(received, 0, Small);
    }

    [Theory]
    [InlineData("budget-chunks", true)]
    [InlineData("budget-whole", false)]
    public async Task A_budget_is_kept_and_the_next_run_continues(string name, bool chunks)
    {
        var hub = await shared.GetAsync();
        using var maker = new Machine(hub);
        using var reader = new Machine(hub);
        var bytes = Bytes(10_000_000, 6);
        await maker.PushAsync(maker.Folder("model", ("a.bin", bytes), ("b.txt", "b"u8.ToArray())), name);
        const long budget = 3_000_000;
        var total = 0L;
        for (var runs = 1; ; runs++)
        {
            Assert.InRange(runs, 1, 8);
            using var client = reader.Client(o => o with { MaxBytes = budget });
            var result = await new Puller(client).PullAsync(new PullRequest(Repo(name)) { Cache = reader.Cache, UseChunks = chunks });
            Assert.InRange(client.BytesReceived + client.BytesSent, 0, budget);
            total += client.BytesReceived;
            if (!result.IsComplete)
            {
                Assert.InRange(result.Left, 1, bytes.Length);
                Assert.Null(reader.Cache.CommitOf(Repo(name), "main"));   // nothing claims to be whole
                continue;
            }
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(result.Folder, "a.bin")));
            break;
        }
        Assert.InRange(total, bytes.Length, bytes.Length * 11L / 10);
    }

    [Fact]
    public async Task Two_pulls_at_once_fetch_a_file_once()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var bytes = Bytes(8_000_000, 7);
        await machine.PushAsync(machine.Folder("model", ("a.bin", bytes)), "twice");
        using var reader = new Machine(hub);
        var both = await Task.WhenAll(reader.PullAsync("twice"), reader.PullAsync("twice"));
        Assert.All(both, b => Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(b.Result.Folder, "a.bin"))));
        Assert.InRange(both.Sum(b => b.Received), bytes.Length, bytes.Length + 2 * Small);
    }

    [Fact]
    public async Task Refusals_say_what_to_do()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        await machine.PushAsync(machine.Folder("model", ("a.txt", "a"u8.ToArray())), "refusals", r => r with { Private = true });
        Assert.Equal(HubProblem.RepoNotFound, (await Assert.ThrowsAsync<HubClientException>(() => machine.PullAsync("nothing"))).Problem);
        Assert.Equal(HubProblem.RevisionNotFound,
            (await Assert.ThrowsAsync<HubClientException>(() => machine.PullAsync("refusals", r => r with { Revision = "v9" }))).Problem);
        var missing = await Assert.ThrowsAsync<HubClientException>(() => machine.PullAsync("refusals", r => r with { Files = ["b.txt"] }));
        Assert.Equal((HubProblem.FileNotFound, "ana/refusals@main has no file 'b.txt'; it has .gitattributes, a.txt"),
            (missing.Problem, missing.Message));
        var commit = (await machine.PullAsync("refusals")).Result.Commit;
        Assert.True(File.Exists(Path.Combine(machine.Cache.Folder, "models--ana--refusals", ".no_exist", commit, "b.txt")));
        var nobody =
            await Assert.ThrowsAsync<HubClientException>(() => machine.PullAsync("refusals", options: o => o with { Token = null }));
        Assert.Equal(HubProblem.RepoNotFound, nobody.Problem);
        Assert.Contains("set HF_TOKEN", nobody.Message, StringComparison.Ordinal);
        var wrong =
            await Assert.ThrowsAsync<HubClientException>(() => machine.PullAsync("refusals", options: o => o with { Token = "hf_wrong" }));
        Assert.Equal(HubProblem.NotAllowed, wrong.Problem);
        var silent =
            await Assert.ThrowsAsync<HubClientException>(() =>
                machine.PullAsync("refusals", options: o => o with { Endpoint = new("http://127.0.0.1:9/"), Attempts = 1 }));
        Assert.Equal(HubProblem.Unreachable, silent.Problem);
    }
}
