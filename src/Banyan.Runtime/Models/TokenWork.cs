namespace Banyan.Runtime.Models;

/// <summary>What a token costs a model: what its speed is held against (<see cref="MachineLimits"/>).</summary>
/// <param name="WeightBytes">Bytes of weights read for a token alone; of experts those that it uses.</param>
/// <param name="CacheBytes">Bytes of keys and values that it reads of each position before it.</param>
/// <param name="Products">Multiply-adds with the weights of all blocks; the output matrix is not counted, as of a prompt only its last token needs it.</param>
/// <param name="PositionProducts">Multiply-adds with the keys and values of each position before it.</param>
public sealed record TokenWork(long WeightBytes, long CacheBytes, long Products, long PositionProducts)
{
    internal static TokenWork Of(Config config, KvFormat cache, Weights weights)
    {
        var (bytes, products) = (weights.Output.Bytes, 0L);
        foreach (var layer in weights.Layers)
            foreach (var matrix in layer.Matrices)
            {
                var isExpert = config.Experts is not null && (layer.Gate.Contains(matrix) || layer.Up.Contains(matrix) || layer.Down.Contains(matrix));
                var share = isExpert ? (double)config.Experts!.Used / config.Experts.Count : 1;
                bytes += (long)(matrix.Bytes * share);
                products += (long)((double)matrix.Rows * matrix.Columns * share);
            }
        return new TokenWork(bytes, KvCache.BytesPerToken(config, cache), products, 2L * config.Layers * config.QuerySize);
    }
}
