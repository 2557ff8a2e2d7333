using System.Runtime.CompilerServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
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
    readonly Projection? _toLatent, _fromLatent; // experts of another width than the stream
    readonly AlignedBuffer? _selection;  // [experts]: added to the scores for the choice alone (arXiv 2408.15664)
    readonly AlignedBuffer? _outputScales; // [experts]: of what each gives
    readonly AlignedBuffer? _gateBias, _upBias, _downBias;
    readonly Block? _shared;             // an expert that every row goes to
    readonly AlignedBuffer? _sharedGate; // [embedding]: and by how much

    public MixtureOfExperts(LayerLoader at, Experts shape, int feedForward)
    {
        var embedding = at.Config.EmbeddingSize;
        _shape = shape;
        if (shape.Count % shape.Groups != 0 || shape.GroupsUsed > shape.Groups
            || shape.Count / shape.Groups * shape.GroupsUsed < shape.Used)
            throw at.Keys.Refuse(
                $"{shape.GroupsUsed} of {shape.Groups} groups of {shape.Count} experts cannot hold the {shape.Used} that are chosen");
        _router = at.Projection("ffn_gate_inp", shape.Count, embedding);
        var width = embedding;
        if (at.Has("ffn_latent_down.weight"))
        {
            width = at.Rows("ffn_latent_down");
            (_toLatent, _fromLatent) = (at.Projection("ffn_latent_down", width, embedding),
                at.Projection("ffn_latent_up", embedding, width));
        }
        var isPlain = shape.Activation == GateActivation.SquaredRelu;
        var (gate, up) = at.Has("ffn_gate_up_exps.weight") ? at.FusedExperts("ffn_gate_up_exps", shape.Count, feedForward, width)
            : (isPlain ? [] : at.Experts("ffn_gate_exps", shape.Count, feedForward, width),
                at.Experts("ffn_up_exps", shape.Count, feedForward, width));
        _experts = new ExpertProjections(isPlain ? up : gate, up, at.Experts("ffn_down_exps", shape.Count, width, feedForward), shape.Used,
            new ExpertUnit(shape.Activation, shape.ScalesInput));
        if (at.Has("ffn_up_exps.bias"))
            (_gateBias, _upBias, _downBias) = (at.Flat("ffn_gate_exps.bias", shape.Count, feedForward),
                at.Flat("ffn_up_exps.bias", shape.Count, feedForward),
                at.Flat("ffn_down_exps.bias", shape.Count, width));
        if (at.Has("exp_probs_b.bias"))
            _selection = at.Vector("exp_probs_b.bias", shape.Count);
        if (at.Has("ffn_down_exps.scale"))
            _outputScales = at.Vector("ffn_down_exps.scale", shape.Count);
        if (!at.Has("ffn_up_shexp.weight"))
            return;
        _shared = isPlain ? new PlainFeedForward(at, at.Rows("ffn_up_shexp"), PlainActivation.SquaredRelu, "_shexp")
            : new GatedFeedForward(at, at.Rows("ffn_up_shexp"), "_shexp");
        if (at.Has("ffn_gate_inp_shexp.weight"))
            _sharedGate = at.Vector("ffn_gate_inp_shexp.weight", embedding);
    }

    /// <summary>The shared expert; null for none.</summary>
    public Block? Shared => _shared;

    /// <summary>Whether experts are chosen by other scores than their weights.</summary>
    public bool HasSelectionBias => _selection is not null;

    public Experts Shape => _shape;

    public Projection Router => _router;

    public ExpertProjections Experts => _experts;

    public override int Columns => _router.Columns;

    public override bool HasRouter => true;

    /// <summary>Whether what it computes is more than gates, ups and downs by the softmax of all.</summary>
    public bool IsPlain => _gateBias is null && _outputScales is null && _toLatent is null
        && _shape is { Groups: 1, SoftmaxOfChosen: false, ScalesInput: false, Activation: GateActivation.Silu };

    public override IEnumerable<MatrixProduct> Products => _toLatent is null
        ? [_router, _experts, .. _shared?.Products ?? []]
        : [_router, _toLatent, _experts, _fromLatent!, .. _shared?.Products ?? []];

    public override bool NeedsBlocks(Precision precision) =>
        (_toLatent ?? (MatrixProduct)_experts).NeedsBlocks(precision.Exact) || _shared?.NeedsBlocks(precision) == true;

    public override void Run(Pass pass, Activations input, float* x) => Run(pass, input, input, x);

    /// <summary>The same, with a router that reads something else than the experts.</summary>
    public void Run(Pass pass, Activations input, Activations routed, float* x)
    {
        var scores = pass.Floats(_shape.Count);
        var routing = pass.Memory.Tool(_shape, pass, static (shape, pass) => new Routing(pass.Memory.MaxRows * shape.Used));
        // The choice is discrete, so the router is always computed exactly.
        _router.Apply(pass, routed, scores, exact: true);                                             // scores [rows, experts]
        var choose = new ChooseJob { Block = this, Scores = scores, Routing = routing, Rows = pass.Rows };
        pass.Pool.Run(ref choose, Parts.ForWork((long)pass.Rows * _shape.Count * _shape.Used, pass.Rows)); // chosen, shares [rows, used]
        if (_toLatent is null)
            _experts.AddTo(pass, input, routing.Chosen, routing.Shares, x, Biases);
        else
            RunLatent(pass, input, routing, x);
        AddShared(pass, input, x);
    }

    ExpertBiases Biases => _upBias is null ? default : new() { Gate = _gateBias!.Floats, Up = _upBias.Floats, Down = _downBias!.Floats };

    // x += up · experts(down · input)
    void RunLatent(Pass pass, Activations input, Routing routing, float* x)
    {
        var width = _toLatent!.Rows;
        var (latent, result) = (pass.Activations(width), pass.Activations(width));
        _toLatent.Apply(pass, input, latent.Rows);
        new Span<float>(result.Rows, checked(pass.Rows * width)).Clear();
        _experts.AddTo(pass, latent, routing.Chosen, routing.Shares, result.Rows, Biases);
        _fromLatent!.AddTo(pass, result, x);
    }

    // x += σ(gate·input) · shared(input)
    void AddShared(Pass pass, Activations input, float* x)
    {
        if (_shared is null || _sharedGate is null)
        {
            _shared?.Run(pass, input, x);
            return;
        }
        var columns = Columns;
        var update = pass.Floats(columns);
        new Span<float>(update, checked(pass.Rows * columns)).Clear();
        _shared.Run(pass, input, update);
        for (var row = 0; row < pass.Rows; row++)
        {
            var score = 0f;
            for (var column = 0; column < columns; column++)
                score += input.Row(row)[column] * _sharedGate.Floats[column];
            Scale.Apply(update + (long)row * columns, 1 / (1 + MathF.Exp(-score)), columns);
        }
        Add.Apply(x, update, (long)pass.Rows * columns, pass.Pool);
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
        public MixtureOfExperts Block;
        public float* Scores;
        public Routing Routing;
        public int Rows;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
                Block.Choose(new Span<float>(Scores + (long)row * Block._shape.Count, Block._shape.Count),
                    Routing.Chosen.AsSpan(row * Block._shape.Used, Block._shape.Used),
                    Routing.Shares.AsSpan(row * Block._shape.Used, Block._shape.Used));
        }
    }

    // The best experts of a row, and each one's share.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Choose(Span<float> scores, Span<int> chosen, Span<float> shares)
    {
        // The least sum that shares are divided by: that of half precision, as llama.cpp has it.
        const float Taken = float.NegativeInfinity, LeastSum = 1f / (1 << 14);
        fixed (float* row = scores)
            if (_shape.Sigmoid)
                for (var expert = 0; expert < scores.Length; expert++)
                    row[expert] = 1 / (1 + MathF.Exp(-row[expert]));
            else if (!_shape.SoftmaxOfChosen)
                Softmax.Apply(row, scores.Length);
        Span<float> ranks = stackalloc float[scores.Length];
        for (var expert = 0; expert < scores.Length; expert++)
            ranks[expert] = _selection is null ? scores[expert] : scores[expert] + _selection.Floats[expert];
        KeepBestGroups(ranks);
        var sum = 0f;
        for (var place = 0; place < chosen.Length; place++)
        {
            var best = -1;
            for (var expert = 0; expert < ranks.Length; expert++)
                if (ranks[expert] != Taken && (best < 0 || ranks[expert] > ranks[best]))
                    best = expert;
            (chosen[place], shares[place]) = (best, scores[best]);
            sum += scores[best];
            ranks[best] = Taken;
        }
        if (_shape.SoftmaxOfChosen)
            fixed (float* row = shares)
                Softmax.Apply(row, shares.Length);
        for (var place = 0; _outputScales is not null && place < chosen.Length; place++)
            shares[place] *= _outputScales.Floats[chosen[place]];
        var factor = _shape.SoftmaxOfChosen ? _shape.Scale : _shape.NormalizeWeights
            ? _shape.Scale / Math.Max(sum, LeastSum) : _shape.Scale;
        foreach (ref var share in shares)
            share *= factor;
    }

    // A group is as good as its best two; experts of the others are not chosen.
    void KeepBestGroups(Span<float> ranks)
    {
        if (_shape.Groups == 1)
            return;
        var size = ranks.Length / _shape.Groups;
        Span<float> best = stackalloc float[_shape.Groups];
        for (var group = 0; group < best.Length; group++)
        {
            var (first, second) = (float.NegativeInfinity, float.NegativeInfinity);
            foreach (var rank in ranks.Slice(group * size, size))
                (first, second) = rank > first ? (rank, first) : (first, Math.Max(second, rank));
            best[group] = size > 1 ? first + second : first;
        }
        for (var dropped = _shape.Groups - _shape.GroupsUsed; dropped > 0; dropped--)
        {
            var worst = -1;
            for (var group = 0; group < best.Length; group++)
                if (!float.IsNaN(best[group]) && (worst < 0 || best[group] <= best[worst]))
                    worst = group;
            if (worst < 0)
                return;
            best[worst] = float.NaN;
            ranks.Slice(worst * size, size).Fill(float.NegativeInfinity);
        }
    }
}
