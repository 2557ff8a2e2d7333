using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Parameters;

namespace Banyan.Training.Optimization;

/// <summary>
/// Adam with decoupled weight decay (arXiv 1412.6980, 1711.05101):
/// <code>
/// m = β₁·m + (1 − β₁)·g       v = β₂·v + (1 − β₂)·g²
/// x −= rate · (m ÷ (1 − β₁ᵗ)) ÷ (√(v ÷ (1 − β₂ᵗ)) + ε)  +  rate · decay · x
/// </code>
/// With <see cref="TuneOptimizer.Muon"/>, the matrices between embedding and output are <see cref="Muon"/>'s, with m as their momentum. No
/// sum depends on how many threads there are.
/// </summary>
internal sealed unsafe class AdamW : IDisposable
{
    const int Piece = 1 << 14; // floats whose squares one thread adds

    readonly ParameterSet _parameters;
    readonly TuneOptions _options;
    readonly WorkerPool _pool;
    readonly AlignedBuffer _mean, _square;
    readonly double[] _sums;
    readonly Muon? _muon;

    public AdamW(ParameterSet parameters, TuneOptions options, WorkerPool pool)
    {
        (_parameters, _options, _pool) = (parameters, options, pool);
        (_mean, _square) = (new(parameters.Size * sizeof(float)), new(parameters.Size * sizeof(float)));
        _sums = new double[(parameters.Size + Piece - 1) / Piece];
        _muon = options.Optimizer == TuneOptimizer.Muon ? new(parameters.All, pool) : null;
    }

    /// <summary>m and v, each as long as the parameters: the entire state.</summary>
    public (AlignedBuffer Mean, AlignedBuffer Square) State => (_mean, _square);

    /// <summary>Floats of state for each trained number.</summary>
    public const int StateSize = 2;

    /// <summary>The global gradient norm.</summary>
    public double Norm()
    {
        var job = new NormJob { Sums = _sums, X = _parameters.Gradients, Size = _parameters.Size };
        _pool.Run(ref job, _sums.Length);
        return Math.Sqrt(_sums.Sum());
    }

    /// <summary>Takes step <paramref name="step"/> (from 1 on) with the gradients times <paramref name="factor"/>.</summary>
    public void Step(int step, double rate, double factor)
    {
        foreach (var parameter in _parameters.All)
        {
            if (_muon is not null && Muon.Moves(parameter))
            {
                _muon.Step(parameter, _mean.Floats + parameter.Offset, rate, _options.WeightDecay, factor);
                continue;
            }
            var job = new StepJob
            {
                X = parameter.Value,
                Gradient = parameter.Gradient,
                Mean = _mean.Floats + parameter.Offset,
                Square = _square.Floats + parameter.Offset,
                Count = parameter.Count,
                Factor = (float)factor,
                Beta1 = (float)_options.Beta1,
                Beta2 = (float)_options.Beta2,
                Rate = (float)(rate / (1 - Math.Pow(_options.Beta1, step))),
                Correction = (float)(1 / (1 - Math.Pow(_options.Beta2, step))),
                Epsilon = (float)_options.Epsilon,
                Kept = parameter.Kind == ParameterKind.Vector ? 1 : (float)(1 - rate * _options.WeightDecay),
            };
            _pool.Run(ref job, Parts.ForWork(8 * job.Count, (int)Math.Min(256, (job.Count + 15) / 16)));
        }
    }

    /// <summary>
    /// Seconds that a step takes, measured without touching the run: on one tensor of each shape, of a table of tokens on some of its rows.
    /// </summary>
    public static double Measure(ParameterSet parameters, TuneOptions options, WorkerPool pool)
    {
        const int Most = 1 << 22, Times = 3; // floats: more than caches hold
        var seconds = 0.0;
        foreach (var alike in parameters.All.GroupBy(p => (p.Rows, p.Columns, p.Kind)))
        {
            var (rows, columns, kind) = alike.Key;
            using var one = new ParameterSet();
            var stand = one.Add("", kind == ParameterKind.Tokens ? Math.Clamp(Most / columns, 1, rows) : rows, columns,
                kind, p => p.Values.Clear());
            one.Allocate();
            using var optimizer = new AdamW(one, options, pool);
            var fastest = double.PositiveInfinity;
            for (var i = 1; i <= Times; i++)
            {
                new Span<float>(stand.Gradient, stand.Values.Length).Fill(1);
                var began = Stopwatch.GetTimestamp();
                optimizer.Step(i, 0, 1);
                fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(began).TotalSeconds);
            }
            seconds += fastest * alike.Count() * rows / stand.Rows;
        }
        return seconds;
    }

    public void Dispose()
    {
        _mean.Dispose();
        _square.Dispose();
        _muon?.Dispose();
    }

    struct NormJob : IJob
    {
        public double[] Sums;
        public float* X;
        public long Size;

        public readonly void Work(int part, int parts)
        {
            var sum = 0.0;
            for (long i = (long)part * Piece, end = Math.Min(i + Piece, Size); i < end; i++)
                sum += (double)X[i] * X[i];
            Sums[part] = sum;
        }
    }

    struct StepJob : IJob
    {
        public float* X, Gradient, Mean, Square;
        public long Count;
        public float Factor, Beta1, Beta2, Rate, Correction, Epsilon, Kept;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            // Parts begin at whole vectors, so that the same elements are computed as vectors whatever their number.
            long i = Count / 16 * part / parts * 16, end = part == parts - 1 ? Count : Count / 16 * (part + 1) / parts * 16;
            for (; i + 8 <= end; i += 8)
            {
                var g = Vector256.Load(Gradient + i) * Factor;
                var m = Vector256.Load(Mean + i) * Beta1 + g * (1 - Beta1);
                var v = Vector256.Load(Square + i) * Beta2 + g * g * (1 - Beta2);
                m.Store(Mean + i);
                v.Store(Square + i);
                (Vector256.Load(X + i) * Kept - m * Rate / (Vector256.Sqrt(v * Correction) + Vector256.Create(Epsilon))).Store(X + i);
            }
            for (; i < end; i++)
            {
                var g = Gradient[i] * Factor;
                Mean[i] = Mean[i] * Beta1 + g * (1 - Beta1);
                Square[i] = Square[i] * Beta2 + g * g * (1 - Beta2);
                X[i] = X[i] * Kept - Mean[i] * Rate / (MathF.Sqrt(Square[i] * Correction) + Epsilon);
            }
        }
    }
}
