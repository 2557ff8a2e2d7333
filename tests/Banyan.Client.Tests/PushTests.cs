using Banyan.Client.Tests.Support;
using static Banyan.Client.Tests.Support.Machine;

namespace Banyan.Client.Tests;

public class PushTests(SharedHub shared)
{
    [Fact]
    public async Task What_the_hub_has_is_not_sent_again()
    {
        var hub = await shared.GetAsync();
        using var first = new Machine(hub);
        using var second = new Machine(hub);
        var bytes = Bytes(140_000_000, 11);
        var folder = first.Folder("model", ("a.bin", bytes), ("b.txt", "b"u8.ToArray()));
        var (pushed, sent) = await first.PushAsync(folder, "again");
        Assert.InRange(sent, bytes.Length, bytes.Length * 102L / 100);
        Assert.NotNull(pushed.Commit);

        // Nothing changed: no commit.
        var (nothing, _) = await first.PushAsync(folder, "again");
        Assert.Equal((0, null), (nothing.Changed, nothing.Commit));

        // Another machine, another repo, another name: less than a hundredth of the bytes.
        var (elsewhere, less) = await second.PushAsync(second.Folder("copy", ("renamed.bin", bytes)), "again-elsewhere");
        Assert.Equal(1, elsewhere.Changed);
        Assert.InRange(less, 0, bytes.Length / 100L);

        // A changed file: about what changed.
        var changed = bytes.ToArray();
        new Random(12).NextBytes(changed.AsSpan(10_000_000, 500_000));
        var (_, some) = await second.PushAsync(second.Folder("changed", ("a.bin", changed)), "again");
        Assert.InRange(some, 500_000, 1_500_000);
        var (pulled, _) = await first.PullAsync("again");
        Assert.Equal(changed, File.ReadAllBytes(Path.Combine(pulled.Folder, "a.bin")));
        Assert.Equal("b", File.ReadAllText(Path.Combine(pulled.Folder, "b.txt")));
    }

    [Fact]
    public async Task A_hub_that_forgot_everything_gets_everything()
    {
        using var machine = new Machine(await shared.GetAsync());
        await using var other = await LocalHub.StartAsync();
        var bytes = Bytes(2_000_000, 13);
        var folder = machine.Folder("model", ("a.bin", bytes));
        await machine.PushAsync(folder, "forgot");

        // What this machine remembers of one hub, as if the other had taken its address.
        var uploads = new DirectoryInfo(Path.Combine(machine.Home, "banyan", "uploads"));
        var remembered = uploads.GetDirectories().Single();
        using var client =
            new HubClient(new HubClientOptions
            {
                Endpoint = new(other.Address),
                Token = other.Ana,
                StateFolder = Path.Combine(machine.Home, "banyan")
            });
        remembered.MoveTo(Path.Combine(uploads.FullName, Path.GetFileName(Push.UploadLog.Of(client.Options).Folder)));
        await new Pusher(client).PushAsync(new PushRequest(folder, Repo("forgot")));
        var pulled = await new Puller(client).PullAsync(new PullRequest(Repo("forgot")) { Cache = machine.Cache });
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(pulled.Folder, "a.bin")));
    }

    [Fact]
    public async Task A_branch_a_data_set_and_a_file_alone()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var file = Path.Combine(machine.Folder("one", ("data.csv", "a,b\n1,2\n"u8.ToArray())), "data.csv");
        Assert.True(RepoId.TryParse("datasets/acme/table", RepoType.Model, out var repo, out _));
        using var client = machine.Client();
        await new Pusher(client).PushAsync(new PushRequest(file, repo) { Private = true });
        await new Pusher(client).PushAsync(new PushRequest(file, repo) { Revision = "next", Message = "More\n\nWith a reason" });
        var pulled = await new Puller(client).PullAsync(new PullRequest(repo) { Revision = "next", Cache = machine.Cache });
        Assert.Equal("a,b\n1,2\n", File.ReadAllText(Path.Combine(pulled.Folder, "data.csv")));
        Assert.Equal(pulled.Commit, machine.Cache.CommitOf(repo, "next"));
    }

    [Fact]
    public async Task A_thousand_files_are_one_commit()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var folder = machine.Folder("many", [.. Enumerable.Range(0, 1000).Select(i => ($"{i % 10}/{i}.txt", BitConverter.GetBytes(i)))]);
        var (pushed, _) = await machine.PushAsync(folder, "many");
        Assert.Equal(1000, pushed.Changed);
        var (pulled, _) = await machine.PullAsync("many");
        Assert.Equal(1000, pulled.Files.Count(f => f.File.Path.EndsWith(".txt", StringComparison.Ordinal)));
        Assert.All(Enumerable.Range(0, 1000),
            i => Assert.Equal(BitConverter.GetBytes(i), File.ReadAllBytes(Path.Combine(pulled.Folder, $"{i % 10}/{i}.txt"))));
    }

    [Fact]
    public async Task What_may_not_be_written_is_refused()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var folder = machine.Folder("model", ("a.txt", "a"u8.ToArray()));
        Assert.Equal(HubProblem.NotAllowed,
            (await Assert.ThrowsAsync<HubClientException>(() => machine.PushAsync(folder, "ben/model"))).Problem);
        using var nobody = machine.Client(o => o with { Token = null });
        var refused = await Assert.ThrowsAsync<HubClientException>(() => new Pusher(nobody).PushAsync(new PushRequest(folder, Repo("x"))));
        Assert.Contains("HF_TOKEN", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => machine.PushAsync(Path.Combine(machine.Home, "nothing"), "x"));
    }
}
