using System.Runtime.CompilerServices;
using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>
/// A feed-forward layer of many experts: a router sends each row to a few of them, and their outputs are added with the router's weights.
/// Rows that go to the same expert are computed together.
/// </summary>
internal sealed unsafe class MixtureOfExperts : IDisposable
{
    readonly Experts _experts;
    readonly WorkerPool _pool;
    readonly AlignedBuffer _scores;
    readonly ExpertLinear _linear;
    readonly int[] _chosen;      // [rows, used]
    readonly float[] _shares;    // [rows, used]

    public MixtureOfExperts(Config config, Experts experts, int rows, WorkerPool pool, bool exact)
    {
        (_experts, _pool) = (experts, pool);
        _scores = new AlignedBuffer((long)rows * experts.Count * sizeof(float), zeroed: false);
        _linear = new ExpertLinear(rows, experts.Count, experts.Used, config.FeedForwardSize, pool, exact);
        _chosen = new int[rows * experts.Used];
        _shares = new float[rows * experts.Used];
    }

    /// <summary>x[rows, embedding] += Σ share · expert(normed); <paramref name="next"/> is what is read afterwards.</summary>
    public void Run(LayerWeights w, Activations normed, float* x, int rows, PackedMatrix next)
    {
        // The choice is discrete, so the router is always computed exactly.
        Linear.Multiply(normed, w.Router!, _scores.Floats, rows, _pool, exact: true);         // scores [rows, experts]
        var choose = new ChooseJob { Layer = this, Rows = rows };
        _pool.Run(ref choose, Parts.ForWork((long)rows * _experts.Count * _experts.Used, rows));   // chosen, shares [rows, used]
        _linear.Run(normed, rows, _chosen, _shares, w.Gate, w.Up, w.Down, x, next);                 // x [rows, embedding]
    }

    struct ChooseJob : IJob
    {
        public MixtureOfExperts Layer;
        public int Rows;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
                Layer.Choose(row);
        }
    }

    // The best experts of a row by softmax, and each one's share.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Choose(int row)
    {
        const float Taken = -1; // below every share
        var scores = new Span<float>(_scores.Floats + (long)row * _experts.Count, _experts.Count);
        Softmax.Apply(_scores.Floats + (long)row * _experts.Count, _experts.Count);
        var chosen = _chosen.AsSpan(row * _experts.Used, _experts.Used);
        var shares = _shares.AsSpan(row * _experts.Used, _experts.Used);
        var sum = 0f;
        for (var place = 0; place < _experts.Used; place++)
        {
            var best = -1;
            for (var expert = 0; expert < scores.Length; expert++)
                if (scores[expert] != Taken && (best < 0 || scores[expert] > scores[best]))
                    best = expert;
            (chosen[place], shares[place]) = (best, scores[best]);
            sum += scores[best];
            scores[best] = Taken;
        }
        if (_experts.NormalizeWeights)
            foreach (ref var share in shares)
                share /= sum;
    }

    public void Dispose()
    {
        _scores.Dispose();
        _linear.Dispose();
    }
}
