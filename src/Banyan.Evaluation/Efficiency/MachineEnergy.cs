namespace Banyan.Evaluation.Efficiency;

/// <summary>Measured energy.</summary>
/// <param name="Joules">How much.</param>
/// <param name="Of">What it covers.</param>
readonly record struct EnergyUse(double Joules, string Of);

/// <summary>
/// Energy of what may compute a server's answers on this machine: the processor (RAPL) and all of NVIDIA's cards (NVML), whichever is
/// readable. The counters cover the whole machine, so overlapping answers have no energy of their own.
/// </summary>
sealed class MachineEnergy
{
    readonly EnergyMeter? _processor;
    readonly GraphicsCards? _cards;
    readonly Lock _gate = new();
    long _begun;
    int _running;

    MachineEnergy(EnergyMeter? processor, GraphicsCards? cards)
    {
        (_processor, _cards) = (processor, cards);
        var graphics = cards is null ? null : cards.Counting == cards.Present ? EnergyCoverage.Cards
            : $"{cards.Counting} of {cards.Present} {EnergyCoverage.Cards}";
        Of = string.Join(" and ", new[] { processor is null ? null : EnergyCoverage.Processor, graphics }.OfType<string>());
    }

    /// <summary>What is covered.</summary>
    public string Of { get; }

    /// <summary>The meter for a server; null if it is not on this machine, or no counter is readable.</summary>
    /// <param name="server">Its address.</param>
    /// <param name="powercap">Where the processor's counters are; null for Linux's folder.</param>
    /// <param name="library">NVML; null for the driver's.</param>
    public static MachineEnergy? For(Uri server, string? powercap = null, string? library = null)
    {
        if (!server.IsLoopback)
            return null;
        var processor = powercap is null ? EnergyMeter.Open() : EnergyMeter.Open(powercap);
        var cards = GraphicsCards.Open(library ?? GraphicsCards.Library);
        return processor is null && cards is null ? null : new(processor, cards);
    }

    /// <summary>Starts measuring; the caller disposes the result.</summary>
    public Measurement Begin() => new(this);

    /// <summary>One answer's.</summary>
    public sealed class Measurement : IDisposable
    {
        readonly MachineEnergy _machine;
        readonly long _number;
        readonly bool _alone;
        readonly IReadOnlyList<long>? _processor;
        readonly ulong[]? _cards;

        internal Measurement(MachineEnergy machine)
        {
            _machine = machine;
            lock (machine._gate)
                (_number, _alone) = (++machine._begun, machine._running++ == 0);
            (_processor, _cards) = (machine.ReadProcessor(), machine._cards?.Read());
        }

        /// <summary>
        /// Energy used since the start; null if another answer overlapped, or a counter failed: a part is never reported as the whole.
        /// </summary>
        public EnergyUse? Used()
        {
            var (processor, cards) = (_machine.ReadProcessor(), _machine._cards?.Read());
            lock (_machine._gate)
            {
                if (!_alone || _machine._begun != _number)
                    return null;
            }
            var joules = 0.0;
            if (_machine._processor is { } meter)
            {
                if (_processor is null || processor is null)
                    return null;
                joules += meter.Joules(_processor, processor);
            }
            if (_machine._cards is not null)
            {
                if (_cards is null || cards is null || GraphicsCards.Joules(_cards, cards) is not { } more)
                    return null;
                joules += more;
            }
            return new(joules, _machine.Of);
        }

        /// <summary>Cancels it.</summary>
        public void Dispose()
        {
            lock (_machine._gate)
                _machine._running--;
        }
    }

    /// <summary>A counter that becomes unreadable must not end a run.</summary>
    IReadOnlyList<long>? ReadProcessor()
    {
        try
        {
            return _processor?.Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }
}
