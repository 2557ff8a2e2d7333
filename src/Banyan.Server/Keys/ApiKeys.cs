using System.Diagnostics.Metrics;
using Banyan.Server.Inference.Requests;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Keys;

/// <summary>The API keys of the server: the one it was started with, and those of a file, which is reloaded when it changes. A file without
/// keys admits nobody; if it disappears or becomes unreadable, keys stay required until the server ends.</summary>
sealed partial class ApiKeys : BackgroundService
{
    const string OfCommandLine = "--api-key";
    static readonly TimeSpan s_every = TimeSpan.FromSeconds(10);

    readonly Lock _lock = new();
    readonly Meter _meter = new("Banyan.Server");
    readonly TimeProvider _time;
    readonly ILogger<ApiKeys> _log;
    readonly KeyFile? _file;
    readonly KeyHolder? _started;
    readonly Counter<long> _requests, _tokens;
    readonly Dictionary<string, KeyHolder> _byName = new(StringComparer.OrdinalIgnoreCase);
    Dictionary<string, KeyHolder> _byHash = [];
    (DateTime Written, long Bytes) _seen;
    volatile bool _asked;

    public ApiKeys(ServerOptions options, TimeProvider time, ILogger<ApiKeys> log)
    {
        (_time, _log) = (time, log);
        _requests = _meter.CreateCounter<long>("banyan.key.requests", "{request}", "Requests that an API key let in, by the key's name.");
        _tokens = _meter.CreateCounter<long>("banyan.key.tokens", "{token}", "Tokens of prompts and answers, by the key's name.");
        _started = options.ApiKey is { } text ? new(new() { Name = OfCommandLine, Hash = ApiKey.HashOf(text) }, KeyUsage.None, this) : null;
        _asked = _started is not null;
        _file = options.KeysFile is { } path ? new(path) : null;
        if (_file is null)
            return;
        _seen = Look();
        Take(_file.Read(), _file.ReadUsage());
    }

    /// <summary>Whether a key is asked for.</summary>
    public bool AreAsked
    {
        get
        {
            Refresh();
            return _asked;
        }
    }

    /// <summary>Who has this key; null if nobody has.</summary>
    public KeyHolder? Find(string text)
    {
        Refresh();
        // Found by its hash: how long that takes tells nothing of a key.
        var hash = ApiKey.HashOf(text);
        lock (_lock)
            return _started?.Key.Hash == hash ? _started : _byHash.GetValueOrDefault(hash);
    }

    internal DateTimeOffset Now => _time.GetUtcNow();

    internal void TellRequest(KeyHolder holder) => _requests.Add(1, new KeyValuePair<string, object?>("key", holder.Key.Name));

    internal void TellTokens(KeyHolder holder, long prompt, long answer)
    {
        _tokens.Add(prompt, new("key", holder.Key.Name), new("gen_ai.token.type", "input"));
        _tokens.Add(answer, new("key", holder.Key.Name), new("gen_ai.token.type", "output"));
    }

    // A look at the file costs microseconds.
    void Refresh()
    {
        if (_file is null)
            return;
        lock (_lock)
        {
            var now = Look();
            if (now == _seen)
                return;
            _seen = now;
            try
            {
                Take(_file.Read(), _file.ReadUsage());
                LogRead(_log, _file.Path, _byHash.Count);
            }
            catch (KeyFileException e)
            {
                LogUnreadable(_log, e.Message);
            }
        }
    }

    (DateTime, long) Look() => new FileInfo(_file!.Path) is { Exists: true } info ? (info.LastWriteTimeUtc, info.Length) : default;

    void Take(IReadOnlyList<ApiKey> keys, IReadOnlyDictionary<string, KeyUsage> usage)
    {
        // Who is still there goes on with the minute that was begun.
        foreach (var key in keys)
            if (_byName.TryGetValue(key.Name, out var holder))
                holder.Key = key;
            else
                _byName[key.Name] = new(key, usage.GetValueOrDefault(key.Name, KeyUsage.None), this);
        _byHash = keys.ToDictionary(k => k.Hash, k => _byName[k.Name]);
        _asked |= _file!.Exists;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_file is null)
            return;
        using var timer = new PeriodicTimer(s_every, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                Save();
        }
        catch (OperationCanceledException)
        {
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Save();
    }

    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    /// <summary>Writes what was used since the last time.</summary>
    internal void Save()
    {
        List<KeyHolder> holders;
        lock (_lock)
            holders = [.. _byName.Values];
        var used = new Dictionary<string, KeyUsage>();
        foreach (var holder in holders)
            if (holder.BeginSaving() is { } usage)
                used[holder.Key.Name] = usage;
        if (used.Count == 0)
            return;
        try
        {
            var all = _file!.AddUsage(used);
            foreach (var holder in holders)
                holder.Saved(all.GetValueOrDefault(holder.Key.Name, KeyUsage.None));
        }
        catch (KeyFileException e)
        {
            foreach (var holder in holders)
                holder.NotSaved();
            LogUnwritten(_log, e.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "{Path} was read again: {Keys} API keys")]
    static partial void LogRead(ILogger log, string path, int keys);

    [LoggerMessage(LogLevel.Error, "{Message}: the API keys stay as they were")]
    static partial void LogUnreadable(ILogger log, string message);

    [LoggerMessage(LogLevel.Warning, "what API keys were used for is not written down yet: {Message}")]
    static partial void LogUnwritten(ILogger log, string message);
}
