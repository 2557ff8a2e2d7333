using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>down · activation(up·x), without a gate: relu² in Nemotron-H (arXiv 2504.03624), GELU in BERT.</summary>
internal sealed unsafe class PlainFeedForward : Block
{
    readonly Projection _up, _down;
    readonly PlainActivation _activation;

    public PlainFeedForward(LayerLoader at, int feedForward, PlainActivation activation, string suffix = "")
    {
        var embedding = at.Config.EmbeddingSize;
        _activation = activation;
        _up = at.Projection($"ffn_up{suffix}", feedForward, embedding);
        _down = at.Projection($"ffn_down{suffix}", embedding, feedForward, at.Config.ResidualScale);
    }

    public override int Columns => _down.Rows;

    public override IEnumerable<MatrixProduct> Products => [_up, _down];

    public override bool NeedsBlocks(Precision precision) => _up.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var hidden = pass.Activations(_down.Columns);                // hidden [rows, feedForward]
        _up.Apply(pass, input, hidden.Rows);
        var job = new ActivationJob { X = hidden.Rows, Rows = pass.Rows, Columns = _down.Columns, Activation = _activation };
        pass.Pool.Run(ref job, Parts.ForWork((long)pass.Rows * _down.Columns, pass.Rows));
        _down.AddTo(pass, hidden, x);
    }

    struct ActivationJob : IJob
    {
        public float* X;
        public int Rows, Columns;
        public PlainActivation Activation;

        public readonly void Work(int part, int parts)
        {
            // Row by row: what a token gets depends neither on its company nor on the number of threads.
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
                Activation.Apply(X + (long)row * Columns, Columns);
        }
    }
}

/// <summary>The activation of a feed-forward without a gate.</summary>
internal enum PlainActivation
{
    /// <summary>max(0, x)².</summary>
    SquaredRelu,

    /// <summary>GELU, by tanh.</summary>
    Gelu,
}

internal static unsafe class PlainActivations
{
    /// <summary>In place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(this PlainActivation activation, float* x, long count)
    {
        long i = 0;
        if (activation == PlainActivation.Gelu && Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
            {
                var value = Vector256.Load(x + i);
                var z = -value * (Vector256.Create(GeluMultiply.Linear) + Vector256.Create(GeluMultiply.Cubic) * value * value);
                (value / (Vector256<float>.One + VectorExp.Exp(z))).Store(x + i);
            }
        for (; i < count; i++)
            x[i] = activation == PlainActivation.SquaredRelu ? Math.Max(x[i], 0) * Math.Max(x[i], 0)
                : x[i] / (1 + MathF.Exp(-x[i] * (GeluMultiply.Linear + GeluMultiply.Cubic * x[i] * x[i])));
    }
}
