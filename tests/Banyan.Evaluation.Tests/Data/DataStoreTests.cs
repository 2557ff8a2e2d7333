using Banyan.Evaluation.Data;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Data;

public sealed class DataStoreTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    DataStore Store(LoopbackServer server) => new(_folder, server.Address, (_, _) => Task.CompletedTask);

    /// <summary>What the shared data has is what the table pins: fetched from this machine, whole.</summary>
    [Fact]
    public async Task Fetches_what_it_pins_once()
    {
        var shared = SharedData.Path("evaluation");
        using var server =
            new LoopbackServer(r => File.Exists(shared + r.Path) ? new(200, File.ReadAllBytes(shared + r.Path)) : new(404, ""));
        using var store = Store(server);
        var said = new List<string>();
        var fetched = DataSources.All.Where(s => File.Exists(Path.Combine(shared, s.File))).ToList();
        Assert.True(fetched.Count >= 7);
        foreach (var source in fetched)
        {
            Assert.False(await store.HasAsync(source, TestContext.Current.CancellationToken));
            var path = await store.FetchAsync(source, said.Add, TestContext.Current.CancellationToken);
            Assert.Equal(File.ReadAllBytes(Path.Combine(shared, source.File)), File.ReadAllBytes(path));
            await store.FetchAsync(source, said.Add, TestContext.Current.CancellationToken);
        }
        Assert.Equal(fetched.Count, server.Requests.Count);
        Assert.All(said, line => Assert.Contains("licence", line));
        Assert.Equal(fetched.Count, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public async Task Keeps_nothing_that_is_not_what_it_should_be()
    {
        var source = DataSources.All[0] with
        {
            File = "small",
            Bytes = 4,
            Sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("good"u8))
        };
        async Task Refused(Reply reply, string message, int requests)
        {
            using var server = new LoopbackServer(_ => reply);
            using var store = Store(server);
            Assert.Contains(message, (await Assert.ThrowsAsync<EvaluationException>(() => store.FetchAsync(source))).Message);
            Assert.Equal(requests, server.Requests.Count);
            Assert.Empty(Directory.GetFiles(_folder));
        }
        await Refused(new(200, "evil"), "SHA-256", 1);
        await Refused(new(200, "goodies"), "longer", 1);
        await Refused(new(404, ""), "404", 1);
        await Refused(new(200, "go"), "ended after 2", 4);
        await Refused(new(200, "go", ("Content-Length", "4")), "small cannot be fetched", 4);
        await Refused(new(503, ""), "503", 4);

        // A break that passes, and a damaged file that lies there, are made good.
        File.WriteAllText(Path.Combine(_folder, "small"), "evil");
        var replies = new Queue<Reply>([new(null, []), new(200, "go")]);
        using var honest = new LoopbackServer(_ => replies.TryDequeue(out var reply) ? reply : new(200, "good"));
        using var kept = Store(honest);
        Assert.Equal("good", File.ReadAllText(await kept.FetchAsync(source, cancellationToken: TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void Every_task_says_what_it_needs_and_that_can_be_fetched() =>
        Assert.Empty(TaskTable.All.SelectMany(t => t.Needs.Where(n => DataSources.Find(n) is null).Select(n => $"{t.Name}: {n}")));
}
