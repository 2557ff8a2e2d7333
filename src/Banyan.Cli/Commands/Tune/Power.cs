using System.Diagnostics;
using Banyan.Evaluation.Efficiency;

namespace Banyan.Cli.Commands.Tune;

/// <summary>What computing draws.</summary>
/// <param name="Watts">How much; null if nobody knows.</param>
/// <param name="IsMeasured">By the processor's counters, and not said by a user.</param>
readonly record struct Power(double? Watts, bool IsMeasured)
{
    public static Power Unknown => new(null, IsMeasured: false);
}

/// <summary>What the processor draws while something is computed, by its own counters.</summary>
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
