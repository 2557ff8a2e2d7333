using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models;

/// <summary>Squares of each matrix's inputs, summed by columns over the rows of passes: the content of an importance matrix. Experts, and
/// heads with a matrix each, follow one another.</summary>
internal sealed unsafe class InputSums
{
    readonly Dictionary<Projection, (Sum Of, int Index)> _of = [];

    /// <summary>The sums of a tensor.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="part">Of a tensor whose rows are several projections', the one that counts: #0.</param>
    public sealed class Sum(string tensor, int columns, string part)
    {
        public string Part => part;

        public string Tensor => tensor;

        public int Columns => columns;

        /// <summary>[matrices][columns]</summary>
        public List<double[]> Squares { get; } = [];

        /// <summary>Rows that each matrix was multiplied with.</summary>
        public List<long> Rows { get; } = [];
    }

    public InputSums(Weights weights)
    {
        var byName = new Dictionary<string, Sum>();
        foreach (var projection in weights.Blocks.SelectMany(b => b.Products).SelectMany(p => p.Projections).Distinct())
        {
            // Parts of one tensor (attn_qkv.weight#0) are rows of the same matrix: the first counts.
            var hash = projection.Name.IndexOf('#');
            var name = hash < 0 ? projection.Name : projection.Name[..hash];
            if (!byName.TryGetValue(name, out var sum))
                byName[name] = sum = new Sum(name, projection.Columns, hash < 0 ? "" : projection.Name[hash..]);
            else if (hash >= 0 && projection.Columns == sum.Columns && !projection.Name.EndsWith(sum.Part, StringComparison.Ordinal))
                continue;
            _of[projection] = (sum, sum.Squares.Count);
            sum.Squares.Add(new double[projection.Columns]);
            sum.Rows.Add(0);
        }
        Sums = [.. byName.Values.OrderBy(s => s.Tensor, StringComparer.Ordinal)];
    }

    /// <summary>By the names of their tensors.</summary>
    public IReadOnlyList<Sum> Sums { get; }

    /// <summary>A product's input: rows of x.</summary>
    public void Add(MatrixProduct product, Activations x, int rows)
    {
        foreach (var projection in product.Projections)
            if (_of.TryGetValue(projection, out var of))
                Add(of, x.Rows, rows, x.Columns);
    }

    /// <summary>Input of experts: rows of x, each to those that were chosen for it, and what is between their matrices.</summary>
    public void AddExperts(ExpertProjections experts, ExpertUnit unit, Activations x, int rows, int used, int[] chosen, float[] shares,
        ExpertBiases biases, WorkerPool pool)
    {
        foreach (var group in Enumerable.Range(0, rows * used).GroupBy(i => chosen[i]))
        {
            var (gate, up, down) = experts.Of(group.Key);
            int[] slots = [.. group];
            using var input = new Activations(slots.Length, x.Columns);
            using var hidden = new Activations(slots.Length, down.Columns);
            using var gated = new AlignedBuffer((long)slots.Length * gate.Rows * sizeof(float));
            using var upped = new AlignedBuffer((long)slots.Length * up.Rows * sizeof(float));
            for (var i = 0; i < slots.Length; i++)
                for (var c = 0; c < x.Columns; c++)
                    input.Row(i)[c] = x.Row(slots[i] / used)[c] * (unit.ScalesInput ? shares[slots[i]] : 1);
            Linear.Multiply(input, gate.Matrix, gated.Floats, slots.Length, pool, exact: true);
            Linear.Multiply(input, up.Matrix, upped.Floats, slots.Length, pool, exact: true);
            if (biases.Up is not null)
            {
                Kernels.Operations.Add.Bias(gated.Floats, biases.Gate + (long)group.Key * gate.Rows, slots.Length, gate.Rows);
                Kernels.Operations.Add.Bias(upped.Floats, biases.Up + (long)group.Key * up.Rows, slots.Length, up.Rows);
            }
            GatedUnit.Row(unit.Activation, gated.Floats, upped.Floats, hidden.Rows, (long)slots.Length * gate.Rows);
            foreach (var (projection, activations) in new[] { (gate, input), (up, input), (down, hidden) }.DistinctBy(p => p.Item1))
                Add(_of[projection], activations.Rows, slots.Length, activations.Columns);
        }
    }

    static void Add((Sum Of, int Index) of, float* x, int rows, int columns)
    {
        var squares = of.Of.Squares[of.Index];
        for (var row = 0; row < rows; row++)
            for (var c = 0; c < columns; c++)
                squares[c] += (double)x[(long)row * columns + c] * x[(long)row * columns + c];
        of.Of.Rows[of.Index] += rows;
    }
}
