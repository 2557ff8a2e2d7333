using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Models;

/// <summary>What a token costs a model: what its speed is held against (<see cref="MachineLimits"/>).</summary>
/// <param name="WeightBytes">Bytes of weights read for a token alone; of experts those that it uses.</param>
/// <param name="CacheBytes">Bytes of keys and values that it reads of each position before it.</param>
/// <param name="Products">Multiply-adds with the weights of all blocks; the output matrix is not counted, as of a prompt only its last token needs it.</param>
/// <param name="PositionProducts">Multiply-adds with the keys and values of each position before it.</param>
/// <param name="ProductsWithScales">As many products of bytes would take as long as <paramref name="Products"/> with the multiplications by scales that belong to
/// them, which the same parts of a processor do; 0 where the kernels in use do not tell.</param>
public sealed record TokenWork(long WeightBytes, long CacheBytes, long Products, long PositionProducts, long ProductsWithScales)
{
    internal static TokenWork Of(Config config, KvFormat cache, Weights weights, Rung rung)
    {
        var (bytes, products, scaled, isKnown) = (weights.Output.Bytes, 0L, 0L, true);
        double[] PerProduct(int terms) => [.. PackedFormat.All.Select(format => rung.PortsPerProduct(format, terms))];
        var (perProduct, perAttentionProduct) = (PerProduct(1), PerProduct(config.AttentionTerms));
        foreach (var layer in weights.Layers)
            foreach (var matrix in layer.Matrices)
            {
                var isExpert = config.Experts is not null && (layer.Gate.Contains(matrix) || layer.Up.Contains(matrix) || layer.Down.Contains(matrix));
                var share = isExpert ? (double)config.Experts!.Used / config.Experts.Count : 1;
                bytes += (long)(matrix.Bytes * share);
                var count = (double)matrix.Rows * matrix.Columns * share;
                products += (long)count;
                var isAttention = matrix == layer.Query || matrix == layer.Key || matrix == layer.Value || matrix == layer.AttentionOutput;
                scaled += (long)(count * (isAttention ? perAttentionProduct : perProduct)[matrix.Format.Index]);
                isKnown &= perProduct[matrix.Format.Index] > 0;
            }
        return new TokenWork(bytes, KvCache.BytesPerToken(config, cache), products, 2L * config.Layers * config.QuerySize, isKnown ? scaled : 0);
    }
}
