using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Kernels;

/// <summary>
/// hidden = activation(gate) ⊙ up, with activation(g) = g · σ(z(g)): z = g of SiLU, √(8/π)·(g + 0.044715·g³) of GELU; and its backward
/// pass.
/// </summary>
internal static unsafe class Gating
{
    /// <summary>hidden[count] of gate and up.</summary>
    public static void Forward(float* gate, float* up, float* hidden, long count, GateActivation activation, WorkerPool pool)
    {
        var job = new ForwardJob { Activation = activation, Gate = gate, Up = up, Hidden = hidden, Count = count };
        pool.Run(ref job, Parts.ForWork(4 * count, 256));
    }

    /// <summary>
    /// In place: gate becomes its gradient dHidden ⊙ up · σ · (1 + gate · z′ · (1 − σ)), up its own, dHidden ⊙ activation(gate), and
    /// dHidden becomes hidden, which need not be kept from the forward pass.
    /// </summary>
    public static void Backward(float* gate, float* up, float* dHidden, long count, GateActivation activation, WorkerPool pool)
    {
        var job = new BackwardJob { Activation = activation, Gate = gate, Up = up, DHidden = dHidden, Count = count };
        pool.Run(ref job, Parts.ForWork(8 * count, 256));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Backward(float* gate, float* up, float* dHidden, long count, GateActivation activation)
    {
        // z = linear·g + cubic·g³
        var (linear, cubic) = activation == GateActivation.Silu ? (1f, 0f) : (GeluMultiply.Linear, GeluMultiply.Cubic);
        long i = 0;
        var one = Vector256<float>.One;
        for (; i + 8 <= count; i += 8)
        {
            var (g, u, d) = (Vector256.Load(gate + i), Vector256.Load(up + i), Vector256.Load(dHidden + i));
            var square = g * g;
            var sigmoid = one / (one + VectorExp.Exp(-g * (linear * one + cubic * square)));
            var active = g * sigmoid;
            (d * u * sigmoid * (one + g * (linear * one + 3 * cubic * square) * (one - sigmoid))).Store(gate + i);
            (d * active).Store(up + i);
            (active * u).Store(dHidden + i);
        }
        for (; i < count; i++)
        {
            var (g, u, d) = (gate[i], up[i], dHidden[i]);
            var sigmoid = 1 / (1 + MathF.Exp(-g * (linear + cubic * g * g)));
            gate[i] = d * u * sigmoid * (1 + g * (linear + 3 * cubic * g * g) * (1 - sigmoid));
            up[i] = d * (g * sigmoid);
            dHidden[i] = g * sigmoid * u;
        }
    }

    // A vector's lanes and the scalar end are computed a little differently: parts begin at multiples of 16, however many there are.
    static (long First, long End) Range(int part, int parts, long count) =>
        (count / 16 * part / parts * 16, part == parts - 1 ? count : count / 16 * (part + 1) / parts * 16);

    struct ForwardJob : IJob
    {
        public float* Gate, Up, Hidden;
        public long Count;
        public GateActivation Activation;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Range(part, parts, Count);
            if (Activation == GateActivation.Silu)
                SiluMultiply.Vector(Gate + first, Up + first, Hidden + first, end - first);
            else
                GeluMultiply.Vector(Gate + first, Up + first, Hidden + first, end - first);
        }
    }

    struct BackwardJob : IJob
    {
        public float* Gate, Up, DHidden;
        public long Count;
        public GateActivation Activation;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Range(part, parts, Count);
            Backward(Gate + first, Up + first, DHidden + first, end - first, Activation);
        }
    }
}
