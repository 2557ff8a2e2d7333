using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Projections;
using Banyan.Training.Kernels;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>Builds the gradients of blocks: lays out their memory, and adds parameters if the options train them.</summary>
internal sealed unsafe class GradientBuilder(TuneOptions options, ParameterSet parameters, TrainingPass pass, int layers)
{
    /// <summary>Layers of the model.</summary>
    public int Layers => layers;

    public TuneOptions Options => options;

    public ParameterSet Parameters => parameters;

    public TrainingPass Pass => pass;

    /// <summary>The maximum rows of a pass.</summary>
    public int Rows => pass.MaxRows;

    /// <summary>Whether the current layer is trained.</summary>
    public bool IsTrained { get; set; }

    /// <summary>Memory that the current layer keeps from its forward to its backward pass.</summary>
    public Region Kept { get; set; } = new();

    /// <summary>Memory that a residual uses until the next one.</summary>
    public Region Scratch { get; } = new();

    /// <summary>Memory for the trainer's lifetime.</summary>
    public Region Lasting { get; } = new();

    /// <summary>What must be recomputed from the parameters before a pass once they have changed.</summary>
    public List<LinearGradient> Prepared { get; } = [];

    /// <summary>Every projection with an adapter, in the order of the model.</summary>
    public List<LinearGradient> Adapted { get; } = [];

    /// <summary>Maximum bytes of working memory of a kernel thread.</summary>
    public long ThreadBytes { get; private set; }

    /// <summary>[rows, columns] from the forward to the backward pass.</summary>
    public Slot Keep(long columns) => Kept.Take(Rows * columns);

    /// <summary>[rows, columns] for the current residual.</summary>
    public Slot Borrow(long columns) => Scratch.Take(Rows * columns);

    /// <summary>Multiplications of a token's forward pass through all projections below the head.</summary>
    public double Multiplications { get; private set; }

    public void Needs(long threadBytes) => ThreadBytes = Math.Max(ThreadBytes, threadBytes);

    public NormGradient Norm(Norm norm, int perRow = 1) => new(norm, NormWeight(norm), Borrow(perRow), perRow);

    /// <summary>The projection, with its adapter, or as a whole weight if that is trained.</summary>
    public LinearGradient Linear(Projection projection) => Linear(projection, PlacesOf(projection, Rows));

    /// <summary>The same for one of several projections of one shape that share memory, such as experts.</summary>
    /// <param name="projection">The projection.</param>
    /// <param name="places">Its memory.</param>
    /// <param name="expert">Which expert it is of.</param>
    /// <param name="share">The share of all tokens that go through it.</param>
    public LinearGradient Linear(Projection projection, LinearPlaces places, int? expert = null, double share = 1)
    {
        Multiplications += share * projection.Rows * projection.Columns;
        return new(projection, this, places, expert);
    }

    /// <summary>Memory for a projection of the given number of rows.</summary>
    public LinearPlaces PlacesOf(Projection projection, int rows)
    {
        var adapts = Adapts(projection);
        var dora = adapts && options.Method == TuneMethod.Dora;
        return new LinearPlaces(
            adapts ? Kept.Take((long)rows * options.Rank) : default,
            adapts ? Scratch.Take((long)rows * options.Rank) : default,
            dora ? Kept.Take((long)rows * projection.Rows) : default,
            dora ? Scratch.Take((long)rows * projection.Rows) : default);
    }

    /// <summary>Whether the projection gets an adapter.</summary>
    public bool Adapts(Projection projection)
    {
        if (!IsTrained || !options.HasAdapters)
            return false;
        var module = Module(projection.Name);
        return options.TargetModules.Count > 0 ? options.TargetModules.Contains(module)
            : module != "ffn_gate_inp" && !module.EndsWith("_exps", StringComparison.Ordinal);
    }

    Parameter? NormWeight(Norm norm) => IsTrained && !options.HasAdapters
        ? parameters.Add(norm.Name, 1, norm.Columns, ParameterKind.Vector, p =>
        {
            if (options.Method == TuneMethod.Scratch)
                p.Values.Fill(1);
            else
                new Span<float>(norm.Weight, norm.Columns).CopyTo(p.Values);
        })
        : null;

    /// <summary>A projection's name without layer and ending: <c>attn_q</c> of <c>blk.0.attn_q.weight</c>.</summary>
    public static string Module(string tensor)
    {
        var parts = tensor.Split('.');
        return parts.Length > 2 ? string.Join('.', parts[2..^1]) : parts[0];
    }
}

/// <summary>Where a projection's adapter keeps A·x and borrows its gradient; DoRA also the unscaled result and its gradient.</summary>
internal readonly record struct LinearPlaces(Slot Inner, Slot InnerGradient, Slot Result, Slot ResultGradient);
