using System.Data.Common;
using System.Diagnostics;
using System.Net;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Storage;
using Banyan.Tests;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// What was acknowledged survives whatever happens. A short run here, a longer one by <c>./check --all</c>; <c>BANYAN_FAULT_ROUNDS=300</c>
/// says how long, and <c>BANYAN_FAULT_SEED</c> repeats one. docs/operations.md says what is promised.
/// </summary>
public sealed class FaultTests(PostgresServer postgres, S3Server s3) : IClassFixture<PostgresServer>, IClassFixture<S3Server>, IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-faults-");

    static int Rounds(int few) => int.TryParse(Environment.GetEnvironmentVariable("BANYAN_FAULT_ROUNDS"), out var rounds) ? rounds
        : Sampled.All ? 20 * few : few;

    static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("BANYAN_FAULT_SEED"), out var seed)
        ? seed : Random.Shared.Next();

    public void Dispose() => _folder.Delete(recursive: true);

    static readonly Fault s_nothing = new("nothing", (_, _, _) => Task.CompletedTask);

    // Whoever tries again while it is down and up again may get through.
    static readonly Fault s_killServer = new("kill -9 of the server", async (campaign, at, _) =>
    {
        await Task.Delay(at);
        await campaign.Hub.KillAsync();
        await campaign.Hub.StartAgainAsync();
    });

    static readonly Fault s_endClient = new("the client is killed or cut off", (_, _, _) => Task.CompletedTask) { EndsClient = true };

    static readonly Fault s_killOther = new("kill -9 of another client", (campaign, at, _) =>
        campaign.User.UploadByDoomedProcessAsync(new LedgerFile(true, campaign.Random.Next(1, 900_000), campaign.Random.Next()).Bytes(),
            Path.Combine(campaign.Folder, "doomed"), at, default)
            .ContinueWith(_ => { }, TaskScheduler.Default));

    static readonly Fault s_cutLink = new("connections are cut", async (campaign, _, over) =>
    {
        campaign.Link.CutsOneIn = 3;
        await over;
        campaign.Link.CutsOneIn = 0;
    });

    /// <summary>What nothing leads to is old enough to go, and the collection is killed in the middle; the next one finishes it.</summary>
    static Fault KillCollection(Func<DbConnection>? open) => new("kill -9 of a collection", async (campaign, at, _) =>
    {
        if (open is not null)
            await OldAge.AddAsync(open(), TimeSpan.FromDays(40));
        using var collection = campaign.Command("hub", "gc");
        await collection.KillAsync(at * 2);
    });

    Campaign Start(string[] options, Dictionary<string, string>? environment = null, string? folder = null)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "kill -9");
        folder ??= _folder.FullName;
        environment ??= [];
        return new Campaign(new HubProcess(folder, options, environment), ["--data", folder, .. options],
            environment, _folder.FullName, Seed);
    }

    static SqliteConnection OpenSqlite(string folder) =>
        new($"Data Source={Path.Combine(folder, "hub.db")};Pooling=false;Default Timeout=60");

    Fault Locked => new("another process holds the database", async (_, at, _) =>
    {
        await Task.Delay(at);
        await using var connection = OpenSqlite(_folder.FullName);
        await connection.OpenAsync();
        await using var hold = connection.BeginTransaction();
        await Task.Delay(at);
    });

    Fault Gone => new("the database goes away", async (_, at, _) =>
    {
        await Task.Delay(at);
        await postgres.StopAsync();
        await Task.Delay(at);
        await postgres.StartAgainAsync();
    });

    static readonly Fault s_lies = s_nothing with { Name = "the store lies" };

    static (string[] Options, Dictionary<string, string> Environment) Objects(LyingStore store, S3Options real)
    {
        return (["--objects", $"s3://{real.Bucket}/faults-{Guid.NewGuid():N}"], new()
        {
            ["AWS_ENDPOINT_URL"] = store.Address,
            ["AWS_REGION"] = real.Region,
            ["AWS_ACCESS_KEY_ID"] = real.AccessKey!,
            ["AWS_SECRET_ACCESS_KEY"] = real.SecretKey!,
        });
    }

    [Fact]
    public async Task Sqlite_and_disk_lose_nothing_to_kills_and_locks()
    {
        await using var campaign = Start([]);
        await campaign.BeginAsync();
        await campaign.RoundsAsync(
            Rounds(8), s_killServer, s_killServer, s_endClient, s_endClient, s_killOther, s_cutLink, Locked,
            KillCollection(() => OpenSqlite(_folder.FullName)), s_nothing);
    }

    [Fact]
    public async Task Postgres_and_s3_lose_nothing_to_kills_lies_and_a_database_that_goes_away()
    {
        var real = await s3.OptionsAsync();
        await using var lying = new LyingStore(real.Endpoint!, Seed);
        var (objects, environment) = Objects(lying, real);
        var database = await postgres.CreateDatabaseAsync();
        await using var campaign = Start(["--database", database, .. objects], environment);
        await campaign.BeginAsync();
        // Lies while changes are made; the truth while they are checked would hide what is wrong with reading, so then too, but seldom.
        lying.LiesOneIn = 4;
        await campaign.RoundsAsync(Rounds(6) / 2, s_killServer, s_endClient, s_endClient, s_cutLink, s_lies, s_lies);
        lying.LiesOneIn = 12;
        await campaign.RoundsAsync(
            Rounds(6) - Rounds(6) / 2, s_killServer, s_endClient, s_cutLink, Gone, Gone,
            KillCollection(() => new NpgsqlConnection($"{database};Pooling=false")), s_lies);
        Assert.True(lying.Lies > 0);
    }

    [Fact]
    public async Task Sqlite_and_s3_lose_nothing_to_kills_locks_and_lies()
    {
        var real = await s3.OptionsAsync();
        await using var lying = new LyingStore(real.Endpoint!, Seed);
        var (objects, environment) = Objects(lying, real);
        await using var campaign = Start(objects, environment);
        await campaign.BeginAsync();
        lying.LiesOneIn = 8;
        await campaign.RoundsAsync(Rounds(3), s_killServer, s_endClient, s_cutLink, Locked,
            KillCollection(() => OpenSqlite(_folder.FullName)), s_lies);
    }

    [Fact]
    public async Task Postgres_and_disk_lose_nothing_to_kills_and_a_database_that_goes_away()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var campaign = Start(["--database", database]);
        await campaign.BeginAsync();
        await campaign.RoundsAsync(
            Rounds(3), s_killServer, s_endClient, s_killOther, s_cutLink, Gone,
            KillCollection(() => new NpgsqlConnection($"{database};Pooling=false")), s_nothing);
    }

    /// <summary>On SQLite here; in a long run on PostgreSQL as well.</summary>
    [Fact]
    public async Task Pushes_of_git_are_there_whole_or_not_at_all()
    {
        foreach (var options in new[] { [], Rounds(1) > 1 ? ["--database", await postgres.CreateDatabaseAsync()]
            : Array.Empty<string>() }.Take(Rounds(1) > 1 ? 2 : 1))
        {
            var data = Path.Combine(_folder.FullName, $"git{options.Length}");
            await using var campaign = Start(options, folder: Path.Combine(data, "hub"));
            await new GitCampaign(campaign.Hub, campaign.Run, Directory.CreateDirectory(data).FullName, Seed).RunAsync(Rounds(2));
        }
    }

    /// <summary>
    /// Filled until changes are refused, collected, killed and started while it is full, made larger: again and again in a long campaign.
    /// </summary>
    [Fact]
    public async Task A_full_disk_refuses_and_loses_nothing()
    {
        if (!Environment.IsPrivilegedProcess || !OperatingSystem.IsLinux())
            SharedData.Missing("a small file system is mounted by root");
        const int Megabytes = 32, More = 24, RoundsOfFill = 30;
        var small = Path.Combine(_folder.FullName, "small");
        Directory.CreateDirectory(small);
        if (Mount("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m", "banyan-faults", small) != 0)
            SharedData.Missing("tmpfs cannot be mounted here");
        try
        {
            await using var campaign = Start([], folder: small);
            await campaign.BeginAsync();
            await campaign.RoundsAsync(2, s_nothing);
            var killCollection = KillCollection(null);   // ageing writes, which a full disk refuses
            for (var fill = 1; fill <= Math.Max(1, Rounds(0) / RoundsOfFill); fill++)
            {
                await OldAge.AddAsync(OpenSqlite(small), TimeSpan.FromDays(40));
                var (before, uploads) = (campaign.Counts.Refused, new HashSet<HttpStatusCode?>());
                // Files that are kept fill it; each that does not fit is refused whole.
                for (var round = 0; campaign.Counts.Refused < before + 3; round++)
                {
                    Assert.True(round < 120, "the disk does not get full");
                    uploads.Add(await campaign.UploadOnlyAsync(1_500_000));
                    await campaign.RoundAsync(s_nothing);
                }
                Assert.Contains(HttpStatusCode.InsufficientStorage, uploads);
                Assert.All([.. uploads.OfType<HttpStatusCode>(), .. campaign.Counts.Statuses],
                    s => Assert.Equal(HttpStatusCode.InsufficientStorage, s));
                campaign.ListsFollow = false;
                // A collection on the full disk makes room or stops; killed, the next one goes on.
                await campaign.RoundAsync(killCollection);
                await campaign.WholeCheckAsync();
                // Killed and started on the full disk, it serves what it has.
                await campaign.Hub.KillAsync();
                await campaign.Hub.StartAsync();
                await campaign.WholeCheckAsync();
                // With room again it takes changes again.
                Assert.Equal(0, Mount("mount", "-o", $"remount,size={Megabytes + fill * More}m", small));
                campaign.ListsFollow = true;
                before = campaign.Counts.Refused;
                await campaign.RoundsAsync(3, s_nothing);
                Assert.Equal(before, campaign.Counts.Refused);
            }
        }
        finally
        {
            Mount("umount", "-l", small);
        }
    }

    static int Mount(params string[] command)
    {
        using var process = Process.Start(command[0], command[1..]);
        process.WaitForExit();
        return process.ExitCode;
    }
}
