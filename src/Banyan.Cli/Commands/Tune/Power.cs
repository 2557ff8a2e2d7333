using System.Diagnostics;
using Banyan.Evaluation.Efficiency;

namespace Banyan.Cli.Commands.Tune;

/// <summary>Electrical power while computing.</summary>
/// <param name="Watts">The power; null if unknown.</param>
/// <param name="IsMeasured">Whether the processor's counters measured it; otherwise the user stated it.</param>
readonly record struct Power(double? Watts, bool IsMeasured)
{
    public static Power Unknown => new(null, IsMeasured: false);
}

/// <summary>Measures the processor's power during a computation by its own counters.</summary>
sealed class PowerMeter
{
    readonly EnergyMeter _meter;
    readonly IReadOnlyList<long> _began;
    readonly long _at = Stopwatch.GetTimestamp();

    PowerMeter(EnergyMeter meter) => (_meter, _began) = (meter, meter.Read());

    /// <summary>Starts measuring; null if no meter can be read.</summary>
    public static PowerMeter? Begin() => EnergyMeter.Open() is { } meter ? new(meter) : null;

    /// <summary>The mean since the start.</summary>
    public Power End()
    {
        try
        {
            return new(_meter.Joules(_began, _meter.Read()) / Math.Max(1e-3, Stopwatch.GetElapsedTime(_at).TotalSeconds), IsMeasured: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return Power.Unknown;
        }
    }
}
