using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>The work of a token, for comparing a model's speed with the machine's limits (<see cref="MachineLimits"/>).</summary>
/// <param name="WeightBytes">Bytes of weights read for a single token; of experts only those used.</param>
/// <param name="CacheBytes">Bytes of keys and values that it reads of each position before it.</param>
/// <param name="Products">Multiply-adds with the weights of all blocks; the output matrix is not counted, as of a prompt only its last
/// token needs it.</param>
/// <param name="PositionProducts">Multiply-adds with the keys and values of each position before it.</param>
/// <param name="ProductsWithScales">How many bare byte products would take as long as <paramref name="Products"/> with their
/// multiplications by scales, which use the same ports; 0 if the kernels in use do not report it.</param>
public sealed record TokenWork(long WeightBytes, long CacheBytes, long Products, long PositionProducts, long ProductsWithScales)
{
    internal static TokenWork Of(Weights weights, Precision precision, KvFormat cache, Rung rung)
    {
        var (bytes, products, scaled, isKnown) = (0L, 0L, 0L, true);
        foreach (var block in weights.Blocks)
            foreach (var product in block.Products)
                foreach (var matrix in product.Projections.Select(p => p.Matrix))
                {
                    bytes += (long)(matrix.Bytes * product.Share);
                    var count = (double)matrix.Rows * matrix.Columns * product.Share;
                    products += (long)count;
                    scaled += (long)(count * rung.PortsPerProduct(matrix.Format, block.Terms(precision)));
                    isKnown &= rung.PortsPerProduct(matrix.Format, 1) > 0;
                }
        bytes += weights.Logits.Products.SelectMany(p => p.Projections).Sum(p => p.Matrix.Bytes);
        return new TokenWork(
            bytes, KvCache.BytesPerToken(weights.States, cache), products,
            weights.Blocks.Sum(b => b.PositionProducts), isKnown ? scaled : 0);
    }
}
