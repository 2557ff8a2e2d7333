namespace Banyan.Server.Tests.Maintenance;

/// <summary>The system's clock, some time ahead.</summary>
sealed class TestClock : TimeProvider
{
    public TimeSpan Ahead { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;
}
