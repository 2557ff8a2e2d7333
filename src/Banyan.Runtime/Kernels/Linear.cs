using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>The matrix products of a layer: y = x·Wᵀ.</summary>
internal static unsafe class Linear
{
    /// <summary>
    /// y[tokens, w.Rows] = x[tokens, w.Columns] · Wᵀ. Quantized weights meet the quantized activations (<see cref="Activations.Quantize"/> before),
    /// weights of 16 bits activations rounded to BF16 where the rung can; <paramref name="exact"/>, and other floats, meet the float rows.
    /// </summary>
    public static void Multiply(Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact = false) =>
        Multiply(Ladder.Current, x, w, y, tokens, pool, exact);

    internal static void Multiply(Rung rung, Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact)
    {
        Check(x, w, tokens);
        var most = Product.MaxRows / x.Terms;
        for (var first = 0; first < tokens; first += most)
        {
            var product = new Product(rung, x, w.Format, first, Math.Min(most, tokens - first), pool, exact);
            var job = new Job { Product = product, First = first, A = w, YA = y, EndA = product.PartsOf(w, pool.Threads) };
            pool.Run(ref job, job.EndA);
        }
    }

    /// <summary>
    /// Three products of the same activations at once (query, key, value): threads wait for each other once, and a small matrix leaves nobody idle.
    /// </summary>
    public static void Multiply(Activations x, PackedMatrix a, float* ya, PackedMatrix b, float* yb, PackedMatrix c, float* yc, int tokens, WorkerPool pool, bool exact)
    {
        Check(x, a, tokens);
        Check(x, b, tokens);
        Check(x, c, tokens);
        var most = Product.MaxRows / x.Terms;
        for (var first = 0; first < tokens; first += most)
        {
            var count = Math.Min(most, tokens - first);
            var product = new Product(Ladder.Current, x, a.Format, first, count, pool, exact);
            if (!product.Fits(b.Format) || !product.Fits(c.Format))
            {
                Multiply(x, a, ya, tokens, pool, exact);
                Multiply(x, b, yb, tokens, pool, exact);
                Multiply(x, c, yc, tokens, pool, exact);
                return;
            }
            var job = new Job { Product = product, First = first, A = a, B = b, C = c, YA = ya, YB = yb, YC = yc };
            job.EndA = product.PartsOf(a, pool.Threads);
            job.EndB = job.EndA + product.PartsOf(b, pool.Threads);
            pool.Run(ref job, job.EndB + product.PartsOf(c, pool.Threads));
        }
    }

    /// <summary>
    /// y = silu(x · gateᵀ) · (x · upᵀ), quantized or as floats, without either product ever lying in memory as a whole.
    /// False, and nothing done, where the shapes or formats do not allow it.
    /// </summary>
    public static bool TryMultiplyGated(Activations x, PackedMatrix gate, PackedMatrix up, Activations y, int tokens, WorkerPool pool, bool floats) =>
        TryMultiplyGated(Ladder.Current, x, gate, up, y, tokens, pool, floats);

    internal static bool TryMultiplyGated(Rung rung, Activations x, PackedMatrix gate, PackedMatrix up, Activations y, int tokens, WorkerPool pool, bool floats)
    {
        Check(x, gate, tokens);
        Check(x, up, tokens);
        if (gate.Rows != up.Rows || gate.Rows != y.Columns)
            throw new ArgumentException($"Gate of {gate.Rows} rows and up of {up.Rows} cannot be {y.Columns} activations.", nameof(y));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, y.MaxTokens);
        if (gate.Rows % ActivationBlock.Columns != 0 || y.Terms != 1)
            return false;
        var most = Product.MaxRows / x.Terms;
        for (var first = 0; first < tokens; first += most)
        {
            var product = new Product(rung, x, gate.Format, first, Math.Min(most, tokens - first), pool, exact: false);
            if (!product.Fits(up.Format))
                return false;
            var job = new GatedJob { Rung = rung, Product = product, First = first, Gate = gate, Up = up, Y = y, Floats = floats };
            pool.Run(ref job, Math.Clamp(product.PartsOf(gate, pool.Threads), 1, gate.Panels / GatedJob.Panels));
        }
        return true;
    }

    static void Check(Activations x, PackedMatrix w, int tokens)
    {
        if (x.Columns != w.Columns)
            throw new ArgumentException($"Activations of {x.Columns} columns cannot be multiplied with weights of {w.Columns}.", nameof(x));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, x.MaxTokens);
    }

    struct Job : IJob
    {
        public Product Product;
        public PackedMatrix A;
        public PackedMatrix? B, C;
        public float* YA, YB, YC;
        public int First, EndA, EndB;

        public readonly void Work(int part, int parts)
        {
            if (part < EndA)
                Work(A, YA, part, EndA);
            else if (part < EndB)
                Work(B!, YB, part - EndA, EndB - EndA);
            else
                Work(C!, YC, part - EndB, parts - EndB);
        }

        readonly void Work(PackedMatrix w, float* y, int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, w.Panels);
            var work = Scratch.ForPart(Product.WorkBytes + (long)(end - first) * Product.SumsPerPanel * sizeof(float));
            var sums = (float*)(work + Product.WorkBytes);
            // Where no range of columns is shared, one panel's sums at a time stay near.
            var step = Product.HasRanges ? end - first : 1;
            for (var panel = first; panel < end; panel += step)
            {
                Product.Sum(w, panel, panel + step, work, sums);
                for (var i = 0; i < step; i++)
                    Store(sums + i * Product.SumsPerPanel, (panel + i) * PackedFormat.Rows, w.Rows, y + (long)First * w.Rows, Product.Tokens);
            }
        }
    }

    /// <summary>Copies a panel's sums [tokens, 16] to their place in y[tokens, rows].</summary>
    static void Store(float* sums, int row, int rows, float* y, int tokens)
    {
        var count = Math.Min(PackedFormat.Rows, rows - row);
        if (count == PackedFormat.Rows)
            for (var t = 0; t < tokens; t++)
                Vector512.Load(sums + t * PackedFormat.Rows).Store(y + (long)t * rows + row);
        else
            for (var t = 0; t < tokens; t++)
                new Span<float>(sums + t * PackedFormat.Rows, count).CopyTo(new Span<float>(y + (long)t * rows + row, count));
    }

    /// <summary>The panels of a block of 32 activations, of gate and of up, side by side.</summary>
    struct GatedJob : IJob
    {
        public const int Panels = ActivationBlock.Columns / PackedFormat.Rows;

        public Rung Rung;
        public Product Product;
        public PackedMatrix Gate, Up;
        public Activations Y;
        public int First;
        public bool Floats;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Gate.Panels / Panels);
            var step = Product.HasRanges ? end - first : 1;
            var size = step * Panels * Product.SumsPerPanel;
            var work = Scratch.ForPart(Product.WorkBytes + 2L * size * sizeof(float));
            var gate = (float*)(work + Product.WorkBytes);
            var up = gate + size;
            for (var block = first; block < end; block += step)
            {
                Product.Sum(Gate, block * Panels, (block + step) * Panels, work, gate);
                Product.Sum(Up, block * Panels, (block + step) * Panels, work, up);
                for (var i = 0; i < step; i++)
                    Activate(gate + i * Panels * Product.SumsPerPanel, up + i * Panels * Product.SumsPerPanel, block + i);
            }
        }

        readonly void Activate(float* gate, float* up, int block)
        {
            var values = stackalloc float[ActivationBlock.Columns];
            for (var t = 0; t < Product.Tokens; t++)
            {
                for (var panel = 0; panel < Panels; panel++)
                {
                    var offset = panel * Product.SumsPerPanel + t * PackedFormat.Rows;
                    if (Ladder.UsesVectors)
                        SiluMultiply.Vector(gate + offset, up + offset, values + panel * PackedFormat.Rows, PackedFormat.Rows);
                    else
                        SiluMultiply.Scalar(gate + offset, up + offset, values + panel * PackedFormat.Rows, PackedFormat.Rows);
                }
                if (Floats)
                    new Span<float>(values, ActivationBlock.Columns).CopyTo(new Span<float>(Y.Row(First + t) + block * ActivationBlock.Columns, ActivationBlock.Columns));
                else
                    Rung.Quantize(values, 1, Y.Blocks + (long)(First + t) * Y.BlocksPerRow + block);
            }
        }
    }
}
