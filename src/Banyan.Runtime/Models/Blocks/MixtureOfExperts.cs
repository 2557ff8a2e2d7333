using System.Runtime.CompilerServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// A feed-forward of many experts: a router sends each row to a few of them, and their outputs are added with the router's weights
/// (arXiv 1701.06538). Rows that go to the same expert are computed together.
/// </summary>
internal sealed unsafe class MixtureOfExperts : Block
{
    readonly Experts _shape;
    readonly Projection _router;
    readonly ExpertProjections _experts;

    public MixtureOfExperts(LayerLoader at, Experts shape, int feedForward)
    {
        var embedding = at.Config.EmbeddingSize;
        _shape = shape;
        _router = at.Projection("ffn_gate_inp", shape.Count, embedding);
        _experts = new ExpertProjections(
            at.Experts("ffn_gate_exps", shape.Count, feedForward, embedding),
            at.Experts("ffn_up_exps", shape.Count, feedForward, embedding),
            at.Experts("ffn_down_exps", shape.Count, embedding, feedForward),
            shape.Used);
    }

    public Experts Shape => _shape;

    public Projection Router => _router;

    public ExpertProjections Experts => _experts;

    public override int Columns => _router.Columns;

    public override IEnumerable<MatrixProduct> Products => [_router, _experts];

    public override bool NeedsBlocks(Precision precision) => _experts.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var scores = pass.Floats(_shape.Count);
        var routing = pass.Memory.Tool(_shape, pass, static (shape, pass) => new Routing(pass.Memory.MaxRows * shape.Used));
        // The choice is discrete, so the router is always computed exactly.
        _router.Apply(pass, input, scores, exact: true);                                              // scores [rows, experts]
        var choose = new ChooseJob { Shape = _shape, Scores = scores, Routing = routing, Rows = pass.Rows };
        pass.Pool.Run(ref choose, Parts.ForWork((long)pass.Rows * _shape.Count * _shape.Used, pass.Rows)); // chosen, shares [rows, used]
        _experts.AddTo(pass, input, routing.Chosen, routing.Shares, x);
    }

    /// <summary>Which experts the rows go to, [rows, used], and each one's share.</summary>
    sealed class Routing(int places) : IDisposable
    {
        public readonly int[] Chosen = new int[places];
        public readonly float[] Shares = new float[places];

        public void Dispose()
        {
        }
    }

    struct ChooseJob : IJob
    {
        public Experts Shape;
        public float* Scores;
        public Routing Routing;
        public int Rows;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
                Choose(Shape, Scores + (long)row * Shape.Count,
                    Routing.Chosen.AsSpan(row * Shape.Used, Shape.Used), Routing.Shares.AsSpan(row * Shape.Used, Shape.Used));
        }
    }

    // The best experts of a row by softmax, and each one's share.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Choose(Experts shape, float* row, Span<int> chosen, Span<float> shares)
    {
        const float Taken = -1; // below every share
        Softmax.Apply(row, shape.Count);
        var scores = new Span<float>(row, shape.Count);
        var sum = 0f;
        for (var place = 0; place < chosen.Length; place++)
        {
            var best = -1;
            for (var expert = 0; expert < scores.Length; expert++)
                if (scores[expert] != Taken && (best < 0 || scores[expert] > scores[best]))
                    best = expert;
            (chosen[place], shares[place]) = (best, scores[best]);
            sum += scores[best];
            scores[best] = Taken;
        }
        if (shape.NormalizeWeights)
            foreach (ref var share in shares)
                share /= sum;
    }
}
