using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Kernels;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>An RMSNorm and its backward pass; its weight is trained where all weights are.</summary>
/// <param name="norm">The runtime's.</param>
/// <param name="weight">Its trained weight; null: it is frozen.</param>
/// <param name="scales">[rows · perRow]</param>
/// <param name="perRow">Vectors a row that are normed, such as heads.</param>
internal sealed unsafe class NormGradient(Norm norm, Parameter? weight, Slot scales, int perRow)
{
    float* Weight(TrainingPass pass) => weight is null || pass.IsBase ? norm.Weight : weight.Value;

    /// <summary>Whether the norm itself is trained.</summary>
    public bool IsTrained => weight is not null;

    /// <summary>y[rows, perRow · columns] of x; y may be x.</summary>
    public void Forward(TrainingPass pass, float* x, float* y, int rows) =>
        RmsNorm.Apply(x, Weight(pass), y, rows * perRow, norm.Columns, norm.Epsilon, pass.Pool);

    /// <summary>dx = or += the gradient, from x and that of y; dx may be dy unless the gradient is added to dx.</summary>
    public void Backward(TrainingPass pass, float* x, float* dy, float* dx, int rows, bool add)
    {
        if (weight is not null)
        {
            // Before dx, which may overwrite dy. The scales do not depend on dy: a first pass over them is all that costs twice.
            RmsNormGradient.Scales(x, scales.Floats, rows * perRow, norm.Columns, norm.Epsilon, pass.Pool);
            RmsNormGradient.Weight(x, dy, scales.Floats, weight.Gradient, rows * perRow, norm.Columns, pass.Pool);
        }
        RmsNormGradient.Input(x, Weight(pass), dy, dx, rows * perRow, norm.Columns, norm.Epsilon, add, pass.Pool);
    }
}
