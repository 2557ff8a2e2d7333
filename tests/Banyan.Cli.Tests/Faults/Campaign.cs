using System.Diagnostics;
using System.Text.Json;

namespace Banyan.Cli.Tests.Faults;

/// <summary>A fault: what is done to the hub or its client while a change is under way.</summary>
/// <param name="Name">For the report.</param>
/// <param name="Strike">Begins it at a moment of its choosing; what it returns ends it.</param>
sealed record Fault(string Name, Func<Campaign, TimeSpan, Task> Strike)
{
    /// <summary>The change's own client is cut off.</summary>
    public bool CutsClient { get; init; }
}

/// <summary>
/// Rounds of changes against a real hub, with a fault at a random moment of each.
/// <code>
/// 1  a change begins: uploads, then a commit
/// 2  the fault strikes
/// 3  the hub starts again where it was killed: by itself, at the first try
/// 4  the branch is what was acknowledged; where no answer came, that or the whole change
/// 5  now and then, and at the end: every file bit by bit, banyan fsck
/// </code>
/// </summary>
sealed class Campaign(HubProcess hub, string[] options, IReadOnlyDictionary<string, string> environment, string folder, int seed) : IAsyncDisposable
{
    const string Repo = "ana/model";
    const int WholeCheckEvery = 10, DownloadAttempts = 8;

    readonly Random _random = new(seed);
    readonly Ledger _ledger = new();
    HubUser? _user;
    TimeSpan _usual = TimeSpan.FromMilliseconds(400);

    public HubProcess Hub => hub;
    public HubUser User => _user!;
    public Ledger Ledger => _ledger;
    public Random Random => _random;
    public string Folder => folder;

    /// <summary>Changes that were acknowledged, refused, and that turned out to be there though no answer came.</summary>
    public int Acknowledged { get; private set; }
    public int Refused { get; private set; }
    public int Found { get; private set; }

    public async Task BeginAsync()
    {
        await Run("hub", "user", "add", "ana");
        var token = (await Run("hub", "token", "add", "ana")).Trim();
        await hub.StartAsync();
        _user = new HubUser(hub.Address, token, Repo);
        await _user.CreateRepoAsync(default);
    }

    /// <summary>A command on this hub, which must succeed.</summary>
    public async Task<string> Run(params string[] command)
    {
        var (code, output, error) = await Tool.Run([.. command, .. options], environment: environment);
        Assert.True(code == 0, $"{string.Join(' ', command)} (seed {seed}): {code}\n{output}\n{error}\n{hub.Errors}");
        return output;
    }

    public async Task RoundsAsync(int rounds, params Fault[] faults)
    {
        for (var round = 1; round <= rounds; round++)
        {
            await RoundAsync(faults[_random.Next(faults.Length)]);
            if (round % WholeCheckEvery == 0 || round == rounds)
                await WholeCheckAsync();
        }
        TestContext.Current.SendDiagnosticMessage($"seed {seed}: {rounds} rounds, {Acknowledged} changes acknowledged, {Refused} refused, {Found} there without an answer, {hub.Starts} starts");
    }

    async Task RoundAsync(Fault fault)
    {
        // :: Step 1
        var change = _ledger.Next(_random);
        var strikesAt = _usual * (_random.NextDouble() * 1.3);
        var began = Stopwatch.GetTimestamp();
        using var client = new CancellationTokenSource();
        if (fault.CutsClient)
            client.CancelAfter(strikesAt);
        // :: Step 2
        var strike = fault.Strike(this, strikesAt);
        var outcome = await AttemptAsync(change, client.Token);
        await strike;
        // :: Step 3
        await hub.StartAgainAsync();
        if (outcome == Outcome.Acknowledged)
            _usual = (_usual * 3 + Stopwatch.GetElapsedTime(began)) / 4;

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
        if (outcome == Outcome.Acknowledged)
            Acknowledged++;
        else if (isAfter && outcome == Outcome.Unknown && !Same(before, after))
            Found++;
        else
            Refused++;
        if (isAfter)
            _ledger.Apply(change);

        string Difference(string what, IReadOnlyDictionary<string, string> expected) =>
            $"seed {seed}, {fault.Name}, {change.Summary}: {what}\nexpected {JsonSerializer.Serialize(expected)}\nactual   {JsonSerializer.Serialize(listing)}\n{hub.Errors}";
    }

    enum Outcome { Acknowledged, NotSent, Unknown }

    async Task<Outcome> AttemptAsync(LedgerChange change, CancellationToken cancellationToken)
    {
        var outcome = Outcome.NotSent;
        try
        {
            foreach (var (_, file) in change.Files)
                if (file is { Large: true })
                    await User.UploadAsync(file.Bytes(), cancellationToken);
            outcome = Outcome.Unknown;
            await User.CommitAsync(change.Summary, change.Lines, cancellationToken);
            return Outcome.Acknowledged;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            return outcome;
        }
    }

    /// <summary>A hub whose database has just come back may fail once: the client asks again.</summary>
    async Task<SortedDictionary<string, string>> ListingAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                return new SortedDictionary<string, string>(await User.ListAsync(patience.Token), StringComparer.Ordinal);
            }
            catch (HttpRequestException e) when (!patience.IsCancellationRequested)
            {
                await Task.Delay(100, patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                Assert.False(patience.IsCancellationRequested, $"seed {seed}: the hub does not recover: {e.Message}\n{hub.Errors}");
            }
        }
    }

    static bool Same(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) => one.Count == other.Count && one.All(o => other.TryGetValue(o.Key, out var value) && value == o.Value);

    // :: Step 5
    public async Task WholeCheckAsync()
    {
        foreach (var (path, file) in _ledger.Files)
        {
            var bytes = await ReadAsync(path);
            Assert.True(file.Bytes().AsSpan().SequenceEqual(bytes), $"seed {seed}: {path} is not what was acknowledged");
        }
        await Run("fsck");
    }

    /// <summary>A download that breaks off is begun again, as clients do; one that ends must be right.</summary>
    async Task<byte[]> ReadAsync(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await User.ReadAsync(path, default);
            }
            catch (Exception e) when (attempt < DownloadAttempts && e is HttpRequestException or IOException)
            {
            }
        }
    }

    /// <summary>Sends a file and does not commit it.</summary>
    /// <returns>The status with which it was refused, or null.</returns>
    public async Task<System.Net.HttpStatusCode?> UploadOnlyAsync(int length)
    {
        try
        {
            var bytes = new byte[length];
            _random.NextBytes(bytes);
            await User.UploadAsync(bytes, default);
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
        await hub.DisposeAsync();
    }
}
