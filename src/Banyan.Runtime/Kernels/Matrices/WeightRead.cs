using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>
/// Where one product of a model stands in the order in which a pass reads the weights. Linked once for a whole model (<see cref="Link"/>),
/// so that each product can plan what idle threads fetch while it is computed: where the next product begins.
/// </summary>
/// <param name="matrices">The matrices whose starts are fetched; none where only the data decides which matrices are read
/// (experts).</param>
/// <param name="together">Panels of each that are read side by side: 2 where a part is a block of 32 columns of what comes after.</param>
internal sealed class WeightRead(PackedMatrix[] matrices, int together = 1)
{
    WeightRead? _next;

    /// <summary>Links reads in their order; after the last comes the first, of the next token.</summary>
    public static void Link(IReadOnlyList<WeightRead> reads)
    {
        for (var i = 0; i < reads.Count; i++)
            reads[i]._next = reads[(i + 1) % reads.Count];
    }

    /// <summary>Plans what is read after this.</summary>
    public void PlanNext(WorkerPool pool) => _next?.Plan(pool);

    // A product that cannot be planned leaves the plan as it is.
    void Plan(WorkerPool pool)
    {
        if (matrices.Length > 0)
            pool.Ahead.Plan(pool.Threads, together, matrices);
    }
}
