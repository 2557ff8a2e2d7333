using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.Projections;

/// <summary>A product of activations with one or several projections, read from memory at one place in the order of the weights.</summary>
internal abstract class MatrixProduct
{
    /// <summary>Every projection it multiplies by.</summary>
    public abstract IReadOnlyList<Projection> Projections { get; }

    /// <summary>Its place in the order in which a pass reads the weights.</summary>
    public abstract WeightRead Read { get; }

    /// <summary>The share of its weights that a row is multiplied with: less than 1 for experts.</summary>
    public virtual double Share => 1;

    /// <summary>Whether one of them needs quantized activations.</summary>
    public virtual bool NeedsBlocks(bool exact)
    {
        for (var i = 0; i < Projections.Count; i++)
            if (Projections[i].NeedsBlocks(exact))
                return true;
        return false;
    }

    /// <summary>Whether one of several products needs quantized activations.</summary>
    public static bool AnyNeedsBlocks(MatrixProduct[] products, bool exact)
    {
        foreach (var product in products)
            if (product.NeedsBlocks(exact))
                return true;
        return false;
    }

    /// <summary>Quantizes activations if needed and not done yet; idle threads prefetch what is read after this.</summary>
    protected void Begin(Pass pass, Activations x, bool exact)
    {
        Quantize(pass, x, exact);
        Read.PlanNext(pass.Pool);
    }

    /// <summary>The first half of <see cref="Begin"/>, for a product that plans by itself.</summary>
    protected void Quantize(Pass pass, Activations x, bool exact)
    {
        if (this is not ExpertProjections)
            pass.Inputs?.Add(this, x, pass.Rows);
        if (!x.HasBlocks && NeedsBlocks(exact))
            x.Quantize(pass.Rows, pass.Pool);
    }
}
