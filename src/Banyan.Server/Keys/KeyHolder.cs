using System.Globalization;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Keys;

/// <summary>A key while the server runs: what it uses now, held against its limits.</summary>
sealed class KeyHolder(ApiKey key, KeyUsage before, ApiKeys owner)
{
    static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    static readonly AsyncLocal<KeyHolder?> s_current = new();

    readonly Lock _lock = new();
    KeyUsage _saved = before, _saving = KeyUsage.None, _unsaved = KeyUsage.None;
    DateTimeOffset _minute;
    long _requestsOfMinute, _tokensOfMinute;
    int _running;

    /// <summary>Whose request is being answered here; null if no key is asked for.</summary>
    public static KeyHolder? Current => s_current.Value;

    /// <summary>The key; changed limits hold from the next request on.</summary>
    public ApiKey Key { get; set; } = key;

    /// <summary>Lets a request in, which is <see cref="Current"/> from here on; dispose it when it has been answered.</summary>
    /// <exception cref="ApiException">429: a limit is reached.</exception>
    public IDisposable Begin()
    {
        var now = owner.Now;
        lock (_lock)
        {
            Turn(now);
            var rest = (int)Math.Ceiling((_minute + s_minute - now).TotalSeconds);
            if (_running >= Key.Concurrency)
                throw Reached(string.Create(CultureInfo.InvariantCulture,
                    $"{_running} requests are being answered for the key '{Key.Name}', and it has no more at a time"), 1);
            if (_requestsOfMinute >= Key.RequestsPerMinute)
                throw Reached(string.Create(CultureInfo.InvariantCulture,
                    $"The key '{Key.Name}' has {Key.RequestsPerMinute} requests a minute"), rest);
            if (_tokensOfMinute >= Key.TokensPerMinute)
                throw Reached(string.Create(CultureInfo.InvariantCulture,
                    $"The key '{Key.Name}' has {Key.TokensPerMinute} tokens a minute, and {_tokensOfMinute} were used"), rest);
            if (TokensOfDay(now) is var used && used >= Key.TokensPerDay)
                throw Reached(string.Create(CultureInfo.InvariantCulture,
                    $"The key '{Key.Name}' has {Key.TokensPerDay} tokens a day, and {used} were used"),
                        (int)Math.Ceiling((now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime).TotalSeconds));
            _running++;
            _requestsOfMinute++;
            _unsaved = _unsaved.Plus(new(1, 0, 0, now, DateOnly.FromDateTime(now.UtcDateTime), 0));
        }
        owner.TellRequest(this);
        s_current.Value = this;
        return new Running(this);
    }

    /// <summary>Counts tokens that were read or written for it.</summary>
    public void Count(long prompt, long answer)
    {
        var now = owner.Now;
        lock (_lock)
        {
            Turn(now);
            _tokensOfMinute += prompt + answer;
            _unsaved = _unsaved.Plus(new(0, prompt, answer, now, DateOnly.FromDateTime(now.UtcDateTime), prompt + answer));
        }
        owner.TellTokens(this, prompt, answer);
    }

    /// <summary>What was used since the last time, to be written down: <see cref="Saved"/> or <see cref="NotSaved"/> ends that.</summary>
    public KeyUsage? BeginSaving()
    {
        lock (_lock)
        {
            (_saving, _unsaved) = (_unsaved, KeyUsage.None);
            return _saving == KeyUsage.None ? null : _saving;
        }
    }

    /// <summary>It is written down: what was used in all, by every server of these keys.</summary>
    public void Saved(KeyUsage all)
    {
        lock (_lock)
            (_saved, _saving) = (all, KeyUsage.None);
    }

    /// <summary>It is to be written down the next time.</summary>
    public void NotSaved()
    {
        lock (_lock)
            (_saving, _unsaved) = (KeyUsage.None, _saving.Plus(_unsaved));
    }

    // A minute begins with the first request after the last one's end.
    void Turn(DateTimeOffset now)
    {
        if (now - _minute < s_minute && now >= _minute)
            return;
        (_minute, _requestsOfMinute, _tokensOfMinute) = (now, 0, 0);
    }

    long TokensOfDay(DateTimeOffset now)
    {
        var (all, today) = (_saved.Plus(_saving).Plus(_unsaved), DateOnly.FromDateTime(now.UtcDateTime));
        return all.Day == today ? all.TokensOfDay : 0;
    }

    static ApiException Reached(string why, int seconds) =>
        new(429, string.Create(CultureInfo.InvariantCulture, $"{why}: try again in {seconds} s."), code: "rate_limit_exceeded",
            type: "rate_limit_error")
        { RetryAfterSeconds = Math.Max(1, seconds) };

    sealed class Running(KeyHolder holder) : IDisposable
    {
        int _left = 1;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 0) == 0)
                return;
            lock (holder._lock)
                holder._running--;
        }
    }
}
