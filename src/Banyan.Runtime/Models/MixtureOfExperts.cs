using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>
/// A feed-forward layer of many experts: a router sends each row to a few of them, and their outputs are added with the router's weights.
/// Rows that go to the same expert are computed together.
/// </summary>
internal sealed unsafe class MixtureOfExperts : IDisposable
{
    readonly Config _config;
    readonly Experts _experts;
    readonly WorkerPool _pool;
    readonly bool _exact;
    readonly AlignedBuffer _scores, _gate, _up, _update;
    readonly Activations _input, _hidden;
    readonly int[] _chosen;      // [rows, used]
    readonly float[] _shares;    // [rows, used]
    readonly int[] _rows;        // of the current expert: row · used + place

    public MixtureOfExperts(Config config, Experts experts, int rows, WorkerPool pool, bool exact)
    {
        (_config, _experts, _pool, _exact) = (config, experts, pool, exact);
        _scores = Floats(rows, experts.Count);
        _gate = Floats(rows, config.FeedForwardSize);
        _up = Floats(rows, config.FeedForwardSize);
        _update = Floats(rows, config.EmbeddingSize);
        _input = new Activations(rows, config.EmbeddingSize);
        _hidden = new Activations(rows, config.FeedForwardSize);
        _chosen = new int[rows * experts.Used];
        _shares = new float[rows * experts.Used];
        _rows = new int[rows];
    }

    static AlignedBuffer Floats(int rows, int columns) => new((long)rows * columns * sizeof(float), zeroed: false);

    /// <summary>x[rows, embedding] += Σ share · expert(normed).</summary>
    public void Run(LayerWeights w, Activations normed, float* x, int rows)
    {
        // The choice is discrete, so the router is always computed exactly.
        Linear.Multiply(normed, w.Router!, _scores.Floats, rows, _pool, exact: true);        // scores [rows, experts]
        for (var row = 0; row < rows; row++)
            Choose(row);
        for (var expert = 0; expert < _experts.Count; expert++)
        {
            var count = Gather(expert, normed, rows);                                         // input [count, embedding]
            if (count == 0)
                continue;
            Linear.Multiply(_input, w.Gate[expert], _gate.Floats, count, _pool, _exact);     // gate [count, feedForward]
            Linear.Multiply(_input, w.Up[expert], _up.Floats, count, _pool, _exact);         // up [count, feedForward]
            SiluMultiply.Apply(_gate.Floats, _up.Floats, _hidden, count, !_exact, _pool);    // hidden = silu(gate) · up
            Linear.Multiply(_hidden, w.Down[expert], _update.Floats, count, _pool, _exact);  // update [count, embedding]
            Scatter(x, count);
        }
    }

    // The best experts of a row by softmax, and each one's share.
    void Choose(int row)
    {
        var scores = _scores.Floats + (long)row * _experts.Count;
        Softmax.Apply(scores, _experts.Count);
        var chosen = _chosen.AsSpan(row * _experts.Used, _experts.Used);
        var shares = _shares.AsSpan(row * _experts.Used, _experts.Used);
        var sum = 0f;
        for (var place = 0; place < _experts.Used; place++)
        {
            var best = -1;
            for (var expert = 0; expert < _experts.Count; expert++)
                if (!chosen[..place].Contains(expert) && (best < 0 || scores[expert] > scores[best]))
                    best = expert;
            (chosen[place], shares[place]) = (best, scores[best]);
            sum += scores[best];
        }
        if (_experts.NormalizeWeights)
            foreach (ref var share in shares)
                share /= sum;
    }

    // Copies the rows that go to an expert, in both forms; returns how many.
    int Gather(int expert, Activations normed, int rows)
    {
        var count = 0;
        for (var i = 0; i < rows * _experts.Used; i++)
        {
            if (_chosen[i] != expert)
                continue;
            var row = i / _experts.Used;
            new Span<float>(normed.Row(row), normed.Columns).CopyTo(new Span<float>(_input.Row(count), normed.Columns));
            if (!_exact)
                new Span<ActivationBlock>(normed.Blocks + (long)row * normed.BlocksPerRow, normed.BlocksPerRow)
                    .CopyTo(new Span<ActivationBlock>(_input.Blocks + (long)count * normed.BlocksPerRow, normed.BlocksPerRow));
            _rows[count++] = i;
        }
        return count;
    }

    void Scatter(float* x, int count)
    {
        var size = _config.EmbeddingSize;
        for (var i = 0; i < count; i++)
        {
            float* to = x + (long)(_rows[i] / _experts.Used) * size, from = _update.Floats + (long)i * size;
            var share = _shares[_rows[i]];
            for (var column = 0; column < size; column++)
                to[column] += share * from[column];
        }
    }

    public void Dispose()
    {
        foreach (var buffer in new[] { _scores, _gate, _up, _update })
            buffer.Dispose();
        _input.Dispose();
        _hidden.Dispose();
    }
}
