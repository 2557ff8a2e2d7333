namespace Banyan.Client.Transfers;

/// <summary>Reports progress a few times a second, and once at the end.</summary>
sealed class Ticker : IDisposable
{
    readonly Timer? _timer;
    readonly Action? _report;

    Ticker(Timer? timer, Action? report) => (_timer, _report) = (timer, report);

    public static Ticker Start(IProgress<TransferProgress>? progress, Func<TransferProgress> now)
    {
        if (progress is null)
            return new Ticker(null, null);
        void Report() => progress.Report(now());
        return new Ticker(new Timer(_ => Report(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(200)), Report);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _report?.Invoke();
    }
}
