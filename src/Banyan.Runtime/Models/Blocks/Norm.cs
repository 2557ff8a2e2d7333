using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>RMSNorm: y = x ÷ √(mean(x²) + ε) ⊙ weight (arXiv 1910.07467).</summary>
internal sealed unsafe class Norm(AlignedBuffer weight, int columns, float epsilon)
{
    /// <summary>x[rows, columns] into y, quantized at once where that is needed.</summary>
    public void Apply(Pass pass, float* x, Activations y, bool quantize) =>
        RmsNorm.Apply(x, weight.Floats, y, pass.Rows, epsilon, quantize, pass.Pool);

    /// <summary>In place: x[rows · <paramref name="perRow"/>, columns], such as the heads of a row.</summary>
    public void Apply(Pass pass, float* x, int perRow = 1) =>
        RmsNorm.Apply(x, weight.Floats, x, pass.Rows * perRow, columns, epsilon, pass.Pool);
}
