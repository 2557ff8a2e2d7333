using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Generation;

/// <summary>Statistics of a row of logits [vocabulary], for sampling.</summary>
/// <param name="Max">The largest; NaN if one is NaN.</param>
/// <param name="Best">The first token with it.</param>
/// <param name="LogSum">ln Σ exp(logit).</param>
internal readonly record struct LogitSummary(float Max, int Best, double LogSum);

/// <summary>
/// Summaries of all rows of a pass at once, on all threads: the vocabulary is read from memory once, a block that the first-level cache
/// holds at a time.
/// </summary>
internal sealed unsafe class LogitSummaries(int rows)
{
    const int Block = 2048, BlocksPerPart = 8, PartLogits = Block * BlocksPerPart;

    readonly LogitSummary[] _rows = new LogitSummary[rows];
    LogitSummary[] _parts = [];

    public LogitSummary this[int row] => _rows[row];

    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="count">How many rows.</param>
    /// <param name="vocabulary">Logits of a row.</param>
    /// <param name="pool">The threads.</param>
    public void Compute(float* logits, int count, int vocabulary, WorkerPool pool)
    {
        if (count == 0)
            return;
        var parts = (vocabulary + PartLogits - 1) / PartLogits;
        if (_parts.Length < _rows.Length * parts)
            _parts = GC.AllocateUninitializedArray<LogitSummary>(_rows.Length * parts, pinned: true);
        fixed (LogitSummary* to = _parts)
        {
            var job = new Job { Logits = logits, Vocabulary = vocabulary, Parts = parts, To = to };
            pool.Run(ref job, count * parts);
        }
        for (var row = 0; row < count; row++)
        {
            var total = _parts[row * parts];
            for (var part = 1; part < parts; part++)
                total = Together(total, _parts[row * parts + part]);
            _rows[row] = total;
        }
    }

    /// <summary>Of one row, on this thread.</summary>
    public static LogitSummary Of(ReadOnlySpan<float> logits)
    {
        var total = new LogitSummary(float.NegativeInfinity, 0, double.NegativeInfinity);
        for (var first = 0; first < logits.Length; first += Block)
        {
            var block = logits.Slice(first, Math.Min(Block, logits.Length - first));
            var max = Distribution.Max(block);
            // Only a block that holds a larger one is searched for it.
            var best = max > total.Max || float.IsNaN(max) ? first + Math.Max(0, block.IndexOf(max)) : total.Best;
            var largest = float.IsNaN(max) ? max : Math.Max(max, total.Max);
            total = new LogitSummary(largest, best,
                LogAdd(total.LogSum, float.IsNegativeInfinity(max) ? max : max + Math.Log(Distribution.SumExp(block, max, 1))));
        }
        return total;
    }

    /// <summary>The best of one row, without the sum.</summary>
    public static LogitSummary WithoutSum(ReadOnlySpan<float> logits) =>
        Distribution.ArgMax(logits) is var best ? new(logits[best], best, double.NaN) : default;

    static LogitSummary Together(LogitSummary a, LogitSummary b) => float.IsNaN(a.Max) || float.IsNaN(b.Max)
        ? new(float.NaN, 0, double.NaN)
        : new(Math.Max(a.Max, b.Max), b.Max > a.Max ? b.Best : a.Best, LogAdd(a.LogSum, b.LogSum));

    static double LogAdd(double a, double b)
    {
        var (large, small) = a > b ? (a, b) : (b, a);
        return double.IsNegativeInfinity(small) ? large : large + Math.Log(1 + Math.Exp(small - large));
    }

    struct Job : IJob
    {
        public float* Logits;
        public int Vocabulary, Parts;
        public LogitSummary* To;

        public readonly void Work(int part, int parts)
        {
            var (row, first) = (part / Parts, part % Parts * PartLogits);
            var summary = Of(new ReadOnlySpan<float>(Logits + (long)row * Vocabulary + first, Math.Min(PartLogits, Vocabulary - first)));
            To[part] = summary with { Best = summary.Best + first };
        }
    }
}
