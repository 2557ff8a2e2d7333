using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Conversion;

/// <summary>The order of a head's rows: for rotary pairs of neighbours in GGUF, of halves in safetensors.</summary>
static class RopeOrder
{
    /// <summary>Heads of a tensor whose rows are in another order on the other side; null if they do not.</summary>
    public static long? Heads(string tensor, Config config, Family family)
    {
        if (family.Pairs(ModelFileKind.Gguf) == family.Pairs(ModelFileKind.Safetensors)
            || !tensor.StartsWith("blk.", StringComparison.Ordinal))
            return null;
        var part = tensor[(tensor.IndexOf('.', 4) + 1)..];
        // The weights of a head's norm go with its rows.
        return part is "attn_q_norm.weight" or "attn_k_norm.weight" ? 1
            : part is "attn_q.weight" or "attn_q.bias" ? config.Heads : part is "attn_k.weight" or "attn_k.bias" ? config.KvHeads : null;
    }

    public static Tensor ToNeighbours(Tensor tensor, long heads) => Reordered(tensor, heads, (at, half) => at % 2 * half + at / 2);

    public static Tensor ToHalves(Tensor tensor, long heads) => Reordered(tensor, heads, (at, half) => at % half * 2 + at / half);

    static Tensor Reordered(Tensor tensor, long heads, Func<long, long, long> from)
    {
        var rows = tensor.Shape.Count == 1 ? tensor.Columns : tensor.Rows;
        if (rows % (2 * heads) != 0)
            throw new ArgumentException($"{tensor.Name} has {rows} rows, which are not {heads} heads");
        var size = rows / heads;
        long From(long row) => row / size * size + from(row % size, size / 2);
        return tensor.Shape.Count == 1 ? tensor.PickColumns(rows, From) : tensor.PickRows([.. tensor.Shape], From);
    }
}
