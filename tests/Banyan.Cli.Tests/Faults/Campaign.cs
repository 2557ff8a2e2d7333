using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Rounds of changes against a real hub, with a fault at a random moment of each.
/// <code>
/// 1  a client begins: uploads and a commit, a push, or a pull
/// 2  the fault strikes
/// 3  the hub starts again where it was killed: by itself, at the first try
/// 4  the branch is what was acknowledged; where no answer came, that or the whole change; what was pulled is whole
/// 5  now and then, and at the end: every file bit by bit, banyan fsck
/// </code>
/// </summary>
sealed class Campaign(HubProcess hub, string[] options, IReadOnlyDictionary<string, string> environment, string folder, int seed)
    : IAsyncDisposable
{
    const string Repo = "ana/model";
    const int WholeCheckEvery = 10, DownloadAttempts = 8, Attempts = 600, PullOneIn = 4, AnswerOneIn = 8, LookedAt = 5;

    readonly Random _random = new(seed);
    readonly Ledger _ledger = new();
    readonly Stops _stops = new();
    readonly CuttingProxy _link = new(hub.Address, seed);
    readonly Dictionary<string, TimeSpan> _usual = [];
    readonly Dictionary<int, SortedDictionary<string, string>> _proposed = [];   // pull requests that were acknowledged
    readonly string? _log = Environment.GetEnvironmentVariable("BANYAN_FAULT_LOG");
    HubUser? _user, _guest;
    PullingClient? _reader;
    PushingClient? _pusher;
    string _token = "";
    int _round;
    bool _guestMay;

    public HubProcess Hub => hub;
    public CuttingProxy Link => _link;
    public HubUser User => _user!;
    public Random Random => _random;

    /// <summary>Whether lists of repositories tell each change; they are a little behind where nothing can be written.</summary>
    public bool ListsFollow { get; set; } = true;

    public string Folder => folder;
    public CampaignCounts Counts { get; } = new();

    public async Task BeginAsync()
    {
        await Run("hub", "user", "add", "ana");
        _token = (await Run("hub", "token", "add", "ana")).Trim();
        await hub.StartAsync();
        _user = new HubUser(_link.Address, _token, Repo);
        await _user.CreateRepoAsync(default);
        // Another user has asked for access, and gets and loses it now and then.
        await Run("hub", "user", "add", "ben");
        _guest = new HubUser(_link.Address, (await Run("hub", "token", "add", "ben")).Trim(), Repo);
        await _user.GateAsync(default);
        await _guest.AskAccessAsync(default);
        (_pusher, _reader) = (new PushingClient(Client("pusher"), Path.Combine(folder, "outgoing"), Repo),
            new PullingClient(Client("reader"), Path.Combine(folder, "pulled"), Repo));
    }

    Dictionary<string, string> Client(string home) =>
        new()
        {
            ["HF_HOME"] = Path.Combine(folder, home),
            ["HF_HUB_CACHE"] = Path.Combine(folder, home, "hub"),
            ["HF_ENDPOINT"] = _link.Address,
            ["HF_TOKEN"] = _token
        };

    /// <summary>A command on this hub that a fault may kill.</summary>
    public ToolProcess Command(params string[] command) => new([.. command, .. options], environment);

    /// <summary>A command on this hub, which must succeed.</summary>
    public async Task<string> Run(params string[] command)
    {
        while (true)
        {
            var stops = _stops.Count;
            var (code, output, error) = await Tool.Run([.. command, .. options], environment: environment);
            if (code != 0 && _stops.Count > stops)
                continue;   // its time limits ran out while everything stood still
            Assert.True(code == 0, $"{string.Join(' ', command)} (seed {seed}): {code}\n{output}\n{error}\n{hub.Errors}");
            return output;
        }
    }

    public async Task RoundsAsync(int rounds, params Fault[] faults)
    {
        for (var round = 1; round <= rounds; round++)
        {
            await RoundAsync(faults[_random.Next(faults.Length)]);
            if (round % WholeCheckEvery == 0 || round == rounds)
                await WholeCheckAsync();
        }
        Counts.Starts = hub.Starts;
        Counts.Cuts = _link.Cuts;
        Log(Counts.ToString());
        TestContext.Current.SendDiagnosticMessage($"seed {seed}: {Counts}");
    }

    public async Task RoundAsync(Fault fault)
    {
        var began = Stopwatch.GetTimestamp();
        var done = _ledger.Files.Count > 0 && _random.Next(PullOneIn) == 0 ? await PullRoundAsync(fault)
            : _random.Next(AnswerOneIn) == 0 ? await AnswerRoundAsync(fault)
            : await ChangeRoundAsync(fault);
        await CheckGuestAsync(fault.Name);
        Log($"{++_round}  {fault.Name}: {done}, {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
    }

    /// <summary>A long campaign can be watched.</summary>
    void Log(string line)
    {
        if (_log is not null)
            File.AppendAllText(_log, string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} seed {seed}  {line}\n"));
    }

    /// <summary>Somewhere in the time that such work takes, or just behind it.</summary>
    TimeSpan Moment(string work) => _usual.GetValueOrDefault(work, TimeSpan.FromMilliseconds(400)) * (_random.NextDouble() * 1.3);

    void Took(string work, long began) =>
        _usual[work] = (_usual.GetValueOrDefault(work, Stopwatch.GetElapsedTime(began)) * 3 + Stopwatch.GetElapsedTime(began)) / 4;

    // :: Step 1-3
    async Task<T> UnderAsync<T>(Fault fault, string work, Func<TimeSpan?, Task<T>> client)
    {
        var at = Moment(work);
        var over = new TaskCompletionSource();
        var strike = fault.Strike(this, at, over.Task);
        var outcome = await client(fault.EndsClient ? at : null);
        over.SetResult();
        await strike;
        await hub.StartAgainAsync();
        Counts.Struck(fault.Name);
        return outcome;
    }

    async Task<string> ChangeRoundAsync(Fault fault)
    {
        var change = _ledger.Next(_random);
        var road = (Road)_random.Next(change.Deletes ? (int)Road.Push : (int)Road.Push + 1);
        var began = Stopwatch.GetTimestamp();
        var outcome = await UnderAsync(fault, $"{road}", end => AttemptAsync(road, change, end));
        if (outcome == Outcome.Acknowledged)
            Took($"{road}", began);

        // :: Step 4
        var listing = await ListingAsync();
        var (before, after) = (_ledger.Listing(), _ledger.Listing(change));
        var isAfter = Same(listing, after);
        if (outcome == Outcome.Acknowledged)
            Assert.True(isAfter, Difference("an acknowledged change is not there", after));
        else if (outcome == Outcome.NotSent)
            Assert.True(Same(listing, before), Difference("a change that was never sent is there", before));
        else
            Assert.True(isAfter || Same(listing, before), Difference("a change is there in part", before));
        if (outcome != Outcome.Acknowledged && road == Road.Push && fault.EndsClient)
        {
            // Whoever's push was killed pushes again: what arrived already is not in its way.
            var (again, problem) = await _pusher!.PushAsync(change, null);
            Assert.True(again, $"seed {seed}, {fault.Name}, {change.Summary}: a killed push cannot be done again: {problem}\n{hub.Errors}");
            Assert.True(Same(await ListingAsync(), after), Difference("a push that was done again is not there", after));
            (outcome, isAfter) = (Outcome.Acknowledged, true);
        }
        if (outcome == Outcome.Acknowledged)
            Counts.Acknowledge(change.Bytes);
        else if (isAfter && outcome == Outcome.Unknown && !Same(before, after))
            Counts.Found++;
        else
            Counts.Refused++;
        if (isAfter)
            _ledger.Apply(change);
        return $"{road} {change.Summary} {outcome}{(isAfter ? "" : ", not there")}";

        string Difference(string what, IReadOnlyDictionary<string, string> expected) =>
            $"seed {seed}, {fault.Name}, {road} {change.Summary}: {what}\nexpected {JsonSerializer.Serialize(expected)}\nactual   {JsonSerializer.Serialize(listing)}\n{hub.Errors}";
    }

    /// <summary>The other user is let in, or out again.</summary>
    async Task<string> AnswerRoundAsync(Fault fault)
    {
        var to = !_guestMay;
        var outcome = await UnderAsync(fault, "answer", async end =>
        {
            using var client = Life(end);
            try
            {
                await User.AnswerAsync("ben", to, client.Token);
                return Outcome.Acknowledged;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
            {
                return Outcome.Unknown;
            }
        });
        var may = await KnockAsync(fault.Name);
        Assert.True(outcome != Outcome.Acknowledged || may == to,
            $"seed {seed}, {fault.Name}: access was {(to ? "given" : "taken away")}, and is not\n{hub.Errors}");
        _guestMay = may;
        Counts.Answers++;
        return $"access {(to ? "given" : "taken away")} {outcome}";
    }

    async Task CheckGuestAsync(string when) =>
        Assert.True(await KnockAsync(when) == _guestMay,
            $"seed {seed}, {when}: a user who was {(_guestMay ? "" : "not ")}let in {(_guestMay ? "cannot" : "can")} read\n{hub.Errors}");

    /// <summary>Whether the other user may read: all ways say the same.</summary>
    async Task<bool> KnockAsync(string when)
    {
        var answers = await AgainAsync(async () =>
        {
            var answers = await _guest!.KnockAsync(default);
            return answers.Any(a => (int)a >= 500) ? throw new HttpRequestException($"answers {string.Join(", ", answers)}") : answers;
        });
        var may = answers[0] == HttpStatusCode.OK;
        Assert.True(answers.All(a => a == (may ? HttpStatusCode.OK : HttpStatusCode.Forbidden)),
            $"seed {seed}, {when}: {string.Join(", ", answers)}");
        return may;
    }

    static CancellationTokenSource Life(TimeSpan? end)
    {
        var life = new CancellationTokenSource();
        if (end is { } after)
            life.CancelAfter(after);
        return life;
    }

    enum Outcome { Acknowledged, NotSent, Unknown }

    async Task<Outcome> AttemptAsync(Road road, LedgerChange change, TimeSpan? end)
    {
        if (road == Road.Push)
            return (await _pusher!.PushAsync(change, end)).Done ? Outcome.Acknowledged : Outcome.Unknown;
        using var client = Life(end);
        var outcome = Outcome.NotSent;
        try
        {
            foreach (var (_, file) in change.Files)
                if (file is { Large: true })
                    await User.UploadAsync(road, file.Bytes(), client.Token);
            if (road == Road.PullRequest)
            {
                var number = await User.ProposeAsync(change.Summary, change.Lines, client.Token);
                _proposed[number] = _ledger.Listing(change);
                outcome = Outcome.Unknown;
                await User.MergeAsync(number, client.Token);
                return Outcome.Acknowledged;
            }
            outcome = Outcome.Unknown;
            await User.CommitAsync(change.Summary, change.Lines, client.Token);
            return Outcome.Acknowledged;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            if (e is HttpRequestException { StatusCode: { } status })
                Counts.Answered(status);
            return outcome;
        }
    }

    async Task<string> PullRoundAsync(Fault fault)
    {
        var (began, chunks) = (Stopwatch.GetTimestamp(), _random.Next(4) > 0);
        var (done, _) = await UnderAsync(fault, "pull", end => _reader!.PullAsync(chunks, end));
        _reader!.CheckVisible(_ledger, $"seed {seed}, {fault.Name}");
        if (done)
            Took("pull", began);
        else
        {
            await ListingAsync();   // it answers again
            var (again, problem) = await _reader.PullAsync(chunks, null);
            Assert.True(again, $"seed {seed}, {fault.Name}: a pull cannot be gone on with: {problem}\n{hub.Errors}");
        }
        Counts.Pulled(done, _reader.CheckAll(_ledger, $"seed {seed}, {fault.Name}"));
        return done ? "pulled" : "pulled at the second time";
    }

    /// <summary>A hub whose database has just come back may fail once: the client asks again.</summary>
    Task<SortedDictionary<string, string>> ListingAsync(string revision = "main") =>
        AgainAsync(async () => new SortedDictionary<string, string>(await User.ListAsync(default, revision), StringComparer.Ordinal));

    async Task<T> AgainAsync<T>(Func<Task<T>> ask)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ask();
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                Assert.True(attempt < Attempts, $"seed {seed}: the hub does not recover: {e.Message}\n{hub.Errors}");
                await Task.Delay(100);
            }
        }
    }

    static bool Same(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(o => other.TryGetValue(o.Key, out var value) && value == o.Value);

    // :: Step 5
    public async Task WholeCheckAsync()
    {
        foreach (var (path, file) in _ledger.Files)
        {
            var bytes = await ReadAsync(file.Large ? _random.Next(3) : 0, path, file);
            Assert.True(file.Bytes().AsSpan().SequenceEqual(bytes), $"seed {seed}: {path} is not what was acknowledged");
            Counts.Checked(bytes.Length);
        }
        foreach (var (number, listing) in _proposed.OrderBy(_ => _random.Next()).Take(LookedAt))
            Assert.True(Same(await ListingAsync($"refs/pr/{number}"), listing),
                $"seed {seed}: pull request {number} is not what was acknowledged");
        var (told, listed) = await AgainAsync(() => User.HeadAsync(default));
        Assert.True(listed is not null && (told == listed || !ListsFollow),
            $"seed {seed}: the list of repositories tells commit {listed}, the repository {told}");
        await Run("fsck");
        Counts.Checks++;
    }

    /// <summary>
    /// Whole (0), or by version 1 or 2 of what Xet clients ask for. A download that breaks off is begun again, as clients do; one that ends
    /// must be right.
    /// </summary>
    async Task<byte[]> ReadAsync(int version, string path, LedgerFile file)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return version == 0 ? await User.ReadAsync(path, default) : await User.ReadByXetAsync(file.Bytes(), version);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                Assert.True(attempt < DownloadAttempts,
                    $"seed {seed}: {path} cannot be read: {e.Message} {e.InnerException?.Message}\n{hub.Errors}");
            }
        }
    }

    /// <summary>Sends a file and does not commit it.</summary>
    /// <returns>The status with which it was refused, or null.</returns>
    public async Task<HttpStatusCode?> UploadOnlyAsync(int length)
    {
        try
        {
            var bytes = new byte[length];
            _random.NextBytes(bytes);
            await User.UploadAsync((Road)_random.Next(2), bytes, default);
            return null;
        }
        catch (HttpRequestException e)
        {
            return e.StatusCode;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _user?.Dispose();
        _guest?.Dispose();
        _stops.Dispose();
        await _link.DisposeAsync();
        await hub.DisposeAsync();
    }
}
