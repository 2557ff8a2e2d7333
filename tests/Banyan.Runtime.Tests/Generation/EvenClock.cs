namespace Banyan.Runtime.Tests.Generation;

/// <summary>
/// Whatever is measured took a millisecond, on a busy machine too: guesses that cost nothing are always taken, and what is counted does not
/// depend on the day.
/// </summary>
sealed class EvenClock : TimeProvider
{
    long _now;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => ++_now;
}
