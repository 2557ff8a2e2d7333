namespace Banyan.Client.Transfers;

/// <summary>
/// Counts every byte of every connection in both directions, throttles them, and tracks the remaining budget. Bodies are requested only if
/// they fit (<see cref="Reserve"/>), so the limit holds for what the network delivers and not only for what is read.
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

    /// <summary>The remaining budget, in bytes.</summary>
    public long Left
    {
        get
        {
            lock (_lock)
                return maxBytes is { } max ? Math.Max(0, max - _received - _sent - _reserved - RequestOverhead) : long.MaxValue;
        }
    }

    /// <summary>
    /// Reserves a response's bytes and the cost of its request; null if they do not fit. Disposing releases what was not received.
    /// </summary>
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

    /// <summary>Reserved bytes, which count as used until they arrive.</summary>
    public sealed class Reservation(Meter meter, long bytes) : IDisposable
    {
        long _bytes = bytes;

        /// <summary>Called when some arrived: the connection has counted them.</summary>
        public void Arrived(long bytes)
        {
            lock (meter._lock)
                meter._reserved -= bytes;
            _bytes -= bytes;
        }

        public void Dispose() => Arrived(_bytes);
    }

    /// <summary>How many of <paramref name="wanted"/> bytes may be transferred now; waits until some may.</summary>
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

    public static HubClientException BudgetReached() =>
        new(HubProblem.BudgetReached, "the limit of bytes is reached: run the same command again to continue");
}
