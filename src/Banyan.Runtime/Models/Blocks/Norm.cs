using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>RMSNorm: y = x ÷ √(mean(x²) + ε) ⊙ weight (arXiv 1910.07467); or LayerNorm, which subtracts the mean first and may add a bias
/// (arXiv 1607.06450).</summary>
/// <param name="name">The tensor's name in GGUF: <c>blk.0.attn_norm.weight</c>.</param>
/// <param name="weight">[columns]</param>
/// <param name="columns">Columns of a row.</param>
/// <param name="epsilon">ε.</param>
internal sealed unsafe class Norm(string name, AlignedBuffer weight, int columns, float epsilon)
{
    public string Name => name;

    public float* Weight => weight.Floats;

    public int Columns => columns;

    public float Epsilon => epsilon;

    /// <summary>Whether it is a LayerNorm.</summary>
    public bool IsCentered { get; init; }

    /// <summary>[columns], of a LayerNorm; null for none.</summary>
    public AlignedBuffer? Bias { get; init; }

    /// <summary>x[rows, columns] into y, quantized at once where that is needed.</summary>
    public void Apply(Pass pass, float* x, Activations y, bool quantize)
    {
        if (!IsCentered)
        {
            RmsNorm.Apply(x, weight.Floats, y, pass.Rows, epsilon, quantize, pass.Pool);
            return;
        }
        LayerNorm.Apply(x, weight.Floats, Bias is null ? null : Bias.Floats, y.Rows, pass.Rows, columns, epsilon, pass.Pool);
        if (quantize)
            y.Quantize(pass.Rows, pass.Pool);
    }

    /// <summary>In place: x[rows · <paramref name="perRow"/>, columns], such as the heads of a row.</summary>
    public void Apply(Pass pass, float* x, int perRow = 1)
    {
        if (IsCentered)
            LayerNorm.Apply(x, weight.Floats, Bias is null ? null : Bias.Floats, x, pass.Rows * perRow, columns, epsilon, pass.Pool);
        else
            RmsNorm.Apply(x, weight.Floats, x, pass.Rows * perRow, columns, epsilon, pass.Pool);
    }
}
