using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Banyan.Server.Operating;

/// <summary>The metrics of .NET, its web server and Banyan, under OpenTelemetry's names, in Prometheus's text format 0.0.4: dots become
/// underscores, units and <c>_total</c> are appended. The number of series is bounded, whatever requests come.</summary>
sealed class Metrics : IDisposable
{
    /// <summary>Series of one instrument; what comes after counts with those whose tags are all "other".</summary>
    const int MaxSeries = 1000;

    /// <summary>Whose measurements are reported.</summary>
    public static readonly string[] Meters = ["Banyan.Server", "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    static readonly double[] s_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120], s_counts =
        [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

    readonly MeterListener _listener = new();
    readonly ConcurrentDictionary<Instrument, MetricFamily> _families = new();
    readonly Lock _reading = new();

    /// <summary>Begins to listen.</summary>
    public Metrics()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Meters.Contains(instrument.Meter.Name) && _families.TryAdd(instrument, new MetricFamily(instrument)))
                listener.EnableMeasurementEvents(instrument, _families[instrument]);
        };
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.Start();
    }

    /// <summary>
    /// Names that there can be, whether anything was measured yet or not; histograms without what is appended for their parts.
    /// </summary>
    public IReadOnlySet<string> Names => _families.Values.Select(f => f.Name).ToHashSet();

    /// <summary>Everything as it is now.</summary>
    public string Text()
    {
        lock (_reading)
        {
            foreach (var family in _families.Values)
                family.Forget();
            _listener.RecordObservableInstruments();
        }
        var text = new StringBuilder();
        // Several servers in a process (tests) have an instrument of the same name each.
        foreach (var group in _families.Values.GroupBy(f => f.Name).OrderBy(g => g.Key, StringComparer.Ordinal))
            MetricFamily.Write(text, [.. group]);
        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    /// <summary>One instrument with its series.</summary>
    sealed class MetricFamily(Instrument instrument)
    {
        readonly ConcurrentDictionary<TagSet, Series> _series = new(TagSet.Comparer);
        readonly bool _isHistogram = instrument.GetType().Name.StartsWith("Histogram", StringComparison.Ordinal);
        readonly bool _isObserved = instrument.IsObservable;
        readonly bool _isWhole = instrument.IsObservable || instrument.GetType().Name.StartsWith("Gauge", StringComparison.Ordinal);
        readonly bool _isSum = instrument.GetType().Name is var kind && kind.Contains("Counter", StringComparison.Ordinal)
            && !kind.Contains("UpDown", StringComparison.Ordinal);

        public string Name { get; } = NameOf(instrument);

        string Kind => _isHistogram ? "histogram" : _isSum ? "counter" : "gauge";

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var all = _series.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
            if (!all.TryGetValue(tags, out var series))
                series = _series.GetOrAdd(_series.Count < MaxSeries ? new TagSet(tags) : TagSet.Other,
                    _ => new(_isHistogram ? instrument.Unit == "s" ? s_seconds : s_counts : []));
            series.Add(value, _isWhole);
        }

        /// <summary>Observed values are reported each time; those no longer reported end.</summary>
        public void Forget()
        {
            if (_isObserved)
                _series.Clear();
        }

        public static void Write(StringBuilder text, IReadOnlyList<MetricFamily> alike)
        {
            var (name, kind) = (alike[0].Name, alike[0].Kind);
            var all = alike.SelectMany(f => f._series).GroupBy(s => s.Key.Text).OrderBy(s => s.Key, StringComparer.Ordinal).ToList();
            if (all.Count == 0)
                return;
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {alike[0].Description}\n# TYPE {name} {kind}\n");
            foreach (var group in all)
                Series.Write(text, name, group.Key, [.. group.Select(s => s.Value)]);
        }

        string Description => (instrument.Description ?? "").Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\n", " ", StringComparison.Ordinal);

        static string NameOf(Instrument instrument)
        {
            var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "1" => "_ratio", _ => "" };
            var name = string.Concat(instrument.Name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
            var isSum = instrument.GetType().Name is var kind && kind.Contains("Counter", StringComparison.Ordinal)
                && !kind.Contains("UpDown", StringComparison.Ordinal);
            return (name.EndsWith(unit, StringComparison.Ordinal) ? name : name + unit) + (isSum ? "_total" : "");
        }
    }

    /// <summary>One set of tags: a value, or counts below bounds.</summary>
    sealed class Series(double[] bounds)
    {
        readonly long[] _below = new long[bounds.Length + 1];
        double _value;

        public void Add(double value, bool isWhole)
        {
            double before;
            do
                before = Volatile.Read(ref _value);
            while (Interlocked.CompareExchange(ref _value, isWhole ? value : before + value, before) != before);
            if (bounds.Length == 0)
                return;
            var at = 0;
            while (at < bounds.Length && value > bounds[at])
                at++;
            Interlocked.Increment(ref _below[at]);
        }

        public static void Write(StringBuilder text, string name, string tags, IReadOnlyList<Series> alike)
        {
            var (value, bounds) = (alike.Sum(s => s._value), alike[0].Bounds);
            if (bounds.Length == 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{tags} {value}\n");
                return;
            }
            var (sofar, open) = (0L, tags.Length == 0 ? "{" : tags[..^1] + ",");
            for (var i = 0; i <= bounds.Length; i++)
            {
                sofar += alike.Sum(s => s._below[i]);
                text.Append(CultureInfo.InvariantCulture,
                    $"{name}_bucket{open}le=\"{(i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf")}\"}} {sofar}\n");
            }
            text.Append(CultureInfo.InvariantCulture, $"{name}_sum{tags} {value}\n{name}_count{tags} {sofar}\n");
        }

        double[] Bounds => bounds;
    }
}
