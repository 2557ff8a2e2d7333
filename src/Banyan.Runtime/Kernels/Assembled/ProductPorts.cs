using Banyan.Runtime.Kernels.Matrices.Packing;
using Iced.Intel;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>What the ports that multiply do for a weight format: products, and multiplications with scales and minimums, which take the
/// place of products. Counted in the kernels themselves, so that a prompt's speed can be compared with the ceiling including scales and not
/// only with bare products.</summary>
internal static class ProductPorts
{
    /// <summary>Products of bytes that an instruction of the products does in a lane of 32 bits.</summary>
    const double BytesPerLane = 4;

    /// <summary>How many bare byte products take as long as a product of this kind with its scales, in a prompt; 2 for activations of two
    /// terms.</summary>
    public static double PerProduct(VectorForm form, WeightKind kind, int terms)
    {
        var unpacked = TileKernel.Unpacked(kind);
        return terms * Count(TileKernel.Assemble(form, unpacked, TileKernel.MaxTokens(form, unpacked, terms), terms));
    }

    /// <summary>The same of a product of BF16.</summary>
    public static double PerPair { get; } = Count(PairKernel.Assemble(isHalf: false, PairKernel.MaxTokens));

    /// <summary>The same of a product of floats: a lane each.</summary>
    public const double PerFloat = BytesPerLane;

    static double Count(byte[] kernel)
    {
        var (products, instructions) = (0.0, 0);
        foreach (var instruction in Decoder.Create(64, kernel))
        {
            switch (instruction.Mnemonic)
            {
                case Mnemonic.Vpdpbusd:
                    products += 1;
                    instructions++;
                    break;
                case Mnemonic.Vdpbf16ps:
                    products += 2 / BytesPerLane;
                    instructions++;
                    break;
                case Mnemonic.Vmulps or Mnemonic.Vfmadd213ps or Mnemonic.Vfmadd231ps:
                    instructions++;
                    break;
                case Mnemonic.Ret: // what follows are constants
                    return instructions / products;
            }
        }
        throw new InvalidOperationException("A kernel does not return.");
    }
}
