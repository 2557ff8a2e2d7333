using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>What the gate of a feed-forward layer goes through.</summary>
internal enum GateActivation
{
    /// <summary><see cref="SiluMultiply"/></summary>
    Silu,

    /// <summary><see cref="GeluMultiply"/></summary>
    Gelu,

    /// <summary>min(g, 7) · σ(1.702·min(g, 7)) · (clamp(u, −7, 7) + 1) (gpt-oss).</summary>
    ClampedSwish,

    /// <summary>max(0, u)², without a gate (Nemotron-H).</summary>
    SquaredRelu,
}

/// <summary>The gated unit of a feed-forward layer: y = activation(gate) × up.</summary>
internal static unsafe class GatedUnit
{
    /// <summary>
    /// activation(gate) × up, both [tokens, columns], into <paramref name="y"/>, quantized at once where <paramref name="quantize"/>.
    /// </summary>
    public static void Apply(float* gate, float* up, Activations y, int tokens, GateActivation activation, bool quantize, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, y.MaxTokens);
        // Parts are ranges of a token's blocks too, so that one token's row is shared among the threads.
        var job = new Job { Gate = gate, Up = up, Y = y, Tokens = tokens, Activation = activation, Quantize = quantize };
        var splits = tokens > 1 ? 1 : Math.Max(1, y.BlocksPerRow / 64);
        pool.Run(ref job, tokens > 1 ? Parts.ForWork((long)tokens * y.Columns, tokens) : splits);
        y.HasBlocks = quantize;
    }

    /// <summary>to = activation(gate) × up.</summary>
    public static void Row(GateActivation activation, float* gate, float* up, float* to, long count)
    {
        switch (activation)
        {
            case GateActivation.Silu when Ladder.UsesVectors: SiluMultiply.Vector(gate, up, to, count); break;
            case GateActivation.Silu: SiluMultiply.Scalar(gate, up, to, count); break;
            case GateActivation.Gelu when Ladder.UsesVectors: GeluMultiply.Vector(gate, up, to, count); break;
            case GateActivation.Gelu: GeluMultiply.Scalar(gate, up, to, count); break;
            default:
                for (long i = 0; i < count; i++)
                    to[i] = activation == GateActivation.ClampedSwish ? ClampedSwish(gate[i], up[i])
                        : Math.Max(up[i], 0) * Math.Max(up[i], 0);
                break;
        }
    }

    static float ClampedSwish(float gate, float up)
    {
        const float Limit = 7, Alpha = 1.702f;
        gate = Math.Min(gate, Limit);
        return gate / (1 + MathF.Exp(-Alpha * gate)) * (Math.Clamp(up, -Limit, Limit) + 1);
    }

    struct Job : IJob
    {
        public float* Gate, Up;
        public Activations Y;
        public int Tokens;
        public GateActivation Activation;
        public bool Quantize;

        public readonly void Work(int part, int parts)
        {
            if (Tokens == 1)
            {
                var (firstBlock, endBlock) = Parts.Range(part, parts, Y.BlocksPerRow);
                var end = part == parts - 1 ? Y.Columns : endBlock * ActivationBlock.Columns;
                Range(0, firstBlock * ActivationBlock.Columns, end);
                return;
            }
            var (first, endToken) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < endToken; token++)
                Range(token, 0, Y.Columns);
        }

        readonly void Range(int token, int first, int end)
        {
            var offset = (long)token * Y.Columns + first;
            float* gate = Gate + offset, up = Up + offset, to = Y.Rows + offset;
            Row(Activation, gate, up, to, end - first);
            if (Quantize)
                Y.QuantizeBlocks(token, first / ActivationBlock.Columns, (end - first) / ActivationBlock.Columns);
        }
    }
}
