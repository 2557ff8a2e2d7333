namespace Banyan.Server.Tests.Maintenance;

/// <summary>
/// The system's clock, some time ahead; or one that stands still but for that, so that what is allowed a minute does not depend on how busy
/// the machine is.
/// </summary>
sealed class TestClock(bool still = false) : TimeProvider
{
    readonly DateTimeOffset? _begun = still ? System.GetUtcNow() : null;

    public TimeSpan Ahead { get; set; }

    public override DateTimeOffset GetUtcNow() => (_begun ?? base.GetUtcNow()) + Ahead;
}
