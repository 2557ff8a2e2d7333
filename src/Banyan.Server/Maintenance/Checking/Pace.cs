using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>Limits reading to the given bytes per second, counts them and reports progress.</summary>
sealed class Pace(CheckReport report, long? bytesPerSecond, TimeProvider time)
{
    readonly long _began = time.GetTimestamp();

    /// <summary>What is being done.</summary>
    public string Phase { get; set; } = "";

    /// <summary>Bytes to read in all.</summary>
    public long Total { get; set; }

    /// <summary>Receives the progress.</summary>
    public Action<CheckProgress>? Progress { get; init; }

    /// <summary>So many bytes were read: waits where that was too fast.</summary>
    public async ValueTask AddAsync(long bytes, CancellationToken cancellationToken)
    {
        report.Bytes += bytes;
        Progress?.Invoke(new CheckProgress(Phase, report.Bytes, Total));
        if (bytesPerSecond is not { } limit)
            return;
        var early = TimeSpan.FromSeconds((double)report.Bytes / limit) - time.GetElapsedTime(_began);
        if (early > TimeSpan.Zero)
            await Task.Delay(early, time, cancellationToken);
    }

    /// <summary>A stream whose reading keeps the pace.</summary>
    public Stream Over(Stream inner) => new PacedStream(inner, this);

    sealed class PacedStream(Stream inner, Pace pace) : ReadStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            await pace.AddAsync(read, cancellationToken);
            return read;
        }
    }
}
