namespace Banyan.Client.Transfers;

/// <summary>
/// Counts every byte of every connection in both directions, slows them to a speed, and knows what is left of the budget.
/// Bodies are asked for only when they fit (<see cref="Reserve"/>), so the limit holds for what the network delivers
/// and not only for what is read.
/// </summary>
sealed class Meter(long? maxSpeed, long? maxBytes)
{
    // Headers of a request and its answer, and what a lost connection may have brought in vain.
    const long RequestOverhead = 4 * 1024;

    readonly Lock _lock = new();
    long _received, _sent, _reserved;
    double _allowance = (maxSpeed ?? 0) / 8.0;
    long _filledAt = Environment.TickCount64;

    public long Received => Interlocked.Read(ref _received);
    public long Sent => Interlocked.Read(ref _sent);
    public long? MaxSpeed => maxSpeed;
    public bool HasBudget => maxBytes is not null;

    /// <summary>What may still be asked for, in bytes.</summary>
    public long Left
    {
        get
        {
            lock (_lock)
                return maxBytes is { } max ? Math.Max(0, max - _received - _sent - _reserved - RequestOverhead) : long.MaxValue;
        }
    }

    /// <summary>Sets an answer's bytes aside, and what asking for it costs; null when they do not fit. Disposing gives back what did not come.</summary>
    public Reservation? Reserve(long bytes)
    {
        lock (_lock)
        {
            if (maxBytes is { } max && _received + _sent + _reserved + bytes + RequestOverhead > max)
                return null;
            _reserved += bytes + RequestOverhead;
            return new Reservation(this, bytes + RequestOverhead);
        }
    }

    /// <summary>Bytes that will come, and count as gone until they do.</summary>
    public sealed class Reservation(Meter meter, long bytes) : IDisposable
    {
        long _bytes = bytes;

        /// <summary>Some came: the connection has counted them.</summary>
        public void Arrived(long bytes)
        {
            lock (meter._lock)
                meter._reserved -= bytes;
            _bytes -= bytes;
        }

        public void Dispose() => Arrived(_bytes);
    }

    /// <summary>How many of <paramref name="wanted"/> bytes may pass now; waits until at least some may.</summary>
    public async ValueTask<int> AllowAsync(int wanted, CancellationToken cancellationToken)
    {
        if (maxBytes is { } max)
        {
            if (Received + Sent >= max)
                throw BudgetReached();
            wanted = (int)Math.Min(wanted, max - Received - Sent);
        }
        if (maxSpeed is not { } speed)
            return wanted;
        while (true)
        {
            lock (_lock)
            {
                var now = Environment.TickCount64;
                // An eighth of a second's worth may be saved up: bursts stay small, timers are coarse.
                _allowance = Math.Min(_allowance + speed * (now - _filledAt) / 1000.0, Math.Max(speed / 8.0, 1));
                _filledAt = now;
                if (_allowance >= 1)
                {
                    var allowed = (int)Math.Min(wanted, _allowance);
                    _allowance -= allowed;
                    return allowed;
                }
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    public void CountReceived(int bytes, int allowed)
    {
        Interlocked.Add(ref _received, bytes);
        if (maxSpeed is not null && allowed > bytes)
            lock (_lock)
                _allowance += allowed - bytes;
    }

    public void CountSent(int bytes) => Interlocked.Add(ref _sent, bytes);

    public static HubException BudgetReached() => new(HubProblem.BudgetReached, "the limit of bytes is reached: run the same command again to continue");
}
