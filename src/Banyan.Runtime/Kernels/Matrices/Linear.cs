using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>The matrix products of a layer: y = x·Wᵀ.</summary>
internal static unsafe class Linear
{
    /// <summary>y[tokens, w.Rows] = x[tokens, w.Columns] · Wᵀ. Quantized weights are multiplied with the quantized activations (call
    /// <see cref="Activations.Quantize"/> first), 16-bit weights with activations rounded to BF16 if the rung can; with
    /// <paramref name="exact"/>, and for other floats, the float rows are used.</summary>
    public static void Multiply(Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact = false) =>
        Multiply(Ladder.Current, x, w, y, tokens, pool, exact);

    internal static void Multiply(Rung rung, Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact)
    {
        Check(x, w, tokens);
        var most = Product.MaxRows / x.Terms;
        for (var first = 0; first < tokens; first += most)
        {
            var product = new Product(rung, x, w.Format, first, Math.Min(most, tokens - first), pool, exact);
            var job = new Job { Product = product, First = first, A = w, YA = y };
            pool.Run(ref job, job.Divide(pool.Threads));
        }
    }

    /// <summary>
    /// Three products of the same activations at once (query, key, value): threads wait for each other once, and a small matrix leaves
    /// nobody idle.
    /// </summary>
    public static void Multiply(Activations x, PackedMatrix a, float* ya, PackedMatrix b, float* yb, PackedMatrix c, float* yc, int tokens,
        WorkerPool pool, bool exact)
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
            pool.Run(ref job, job.Divide(pool.Threads));
        }
    }

    /// <summary>y = silu(x · gateᵀ) · (x · upᵀ), quantized (<paramref name="floats"/>: as floats), without storing either product as a
    /// whole. Returns false and does nothing if the shapes or formats do not allow it.</summary>
    public static bool TryMultiplyGated(Activations x, PackedMatrix gate, PackedMatrix up, Activations y, int tokens,
        WorkerPool pool, bool floats) =>
        TryMultiplyGated(Ladder.Current, x, gate, up, y, tokens, pool, floats);

    internal static bool TryMultiplyGated(Rung rung, Activations x, PackedMatrix gate, PackedMatrix up, Activations y, int tokens,
        WorkerPool pool, bool floats)
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
            if (product.Reads)
                job.Cut = Product.Cut(gate.Panels / GatedJob.Panels, GatedJob.Panels * (gate.PanelBytes + up.PanelBytes), pool.Threads);
            pool.Run(ref job, product.Reads ? job.Cut.Count
                : Math.Clamp(product.PartsOf(gate, pool.Threads), 1, gate.Panels / GatedJob.Panels));
        }
        y.HasBlocks = !floats;
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
        public ShrinkingParts Cut;

        /// <summary>Decides on the parts; returns how many.</summary>
        public int Divide(int threads)
        {
            if (Product.Reads)
            {
                // All panels of the matrices, one after the other.
                (EndA, EndB) = (A.Panels, A.Panels + (B?.Panels ?? 0));
                Cut = Product.Cut(EndB + (C?.Panels ?? 0), A.PanelBytes, threads);
                return Cut.Count;
            }
            EndA = Product.PartsOf(A, threads);
            EndB = EndA + (B is null ? 0 : Product.PartsOf(B, threads));
            return EndB + (C is null ? 0 : Product.PartsOf(C, threads));
        }

        public readonly void Work(int part, int parts)
        {
            if (Product.Reads)
            {
                var (first, end) = Cut[part];
                Work(A, YA, first, Math.Min(end, EndA));
                Work(B, YB, Math.Max(first, EndA) - EndA, Math.Min(end, EndB) - EndA);
                Work(C, YC, Math.Max(first, EndB) - EndB, end - EndB);
            }
            else if (part < EndA)
                WorkPart(A, YA, part, EndA);
            else if (part < EndB)
                WorkPart(B!, YB, part - EndA, EndB - EndA);
            else
                WorkPart(C!, YC, part - EndB, parts - EndB);
        }

        readonly void WorkPart(PackedMatrix w, float* y, int part, int parts)
        {
            var (first, end) = Product.PanelsOf(w, part, parts);
            Work(w, y, first, end);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly void Work(PackedMatrix? w, float* y, int first, int end)
        {
            if (w is null || first >= end)
                return;
            // Where no range of columns is shared, as few sums as are made at a time stay near.
            var step = Product.HasRanges ? end - first : Product.PanelsTogether;
            var work = Scratch.ForPart(Product.WorkBytes + (long)step * Product.SumsPerPanel * sizeof(float));
            var sums = (float*)(work + Product.WorkBytes);
            for (var panel = first; panel < end; panel += step)
            {
                var panels = Math.Min(step, end - panel);
                Product.Sum(w, panel, panel + panels, work, sums);
                for (var i = 0; i < panels; i++)
                    Store(sums + i * Product.SumsPerPanel, (panel + i) * PackedFormat.Rows, w.Rows,
                        y + (long)First * w.Rows, Product.Tokens);
            }
        }
    }

    /// <summary>Copies a panel's sums [tokens, 16] to their place in y[tokens, rows].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
        public ShrinkingParts Cut;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Product.Reads ? Cut[part] : Parts.Range(part, parts, Gate.Panels / Panels);
            var step = Product.BlocksInTurn(end - first);
            var size = step * Panels * Product.SumsPerPanel;
            var work = Scratch.ForPart(Product.WorkBytes + 2L * size * sizeof(float));
            var gate = (float*)(work + Product.WorkBytes);
            var up = gate + size;
            for (var block = first; block < end; block += step)
            {
                var blocks = Math.Min(step, end - block);
                Product.Sum(Gate, block * Panels, (block + blocks) * Panels, work, gate);
                Product.Sum(Up, block * Panels, (block + blocks) * Panels, work, up);
                for (var i = 0; i < blocks; i++)
                    Activate(gate + i * Panels * Product.SumsPerPanel, up + i * Panels * Product.SumsPerPanel, block + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly void Activate(float* gate, float* up, int block)
        {
            // Some tokens, then their blocks: what was stored in vectors of one width is waited for by loads of another.
            const int Together = 8, Columns = ActivationBlock.Columns;
            var values = stackalloc float[Together * Columns];
            for (var first = 0; first < Product.Tokens; first += Together)
            {
                var count = Math.Min(Together, Product.Tokens - first);
                for (var i = 0; i < count; i++)
                    for (var panel = 0; panel < Panels; panel++)
                    {
                        var offset = panel * Product.SumsPerPanel + (first + i) * PackedFormat.Rows;
                        var to = values + i * Columns + panel * PackedFormat.Rows;
                        if (Ladder.UsesVectors)
                            SiluMultiply.Vector(gate + offset, up + offset, to, PackedFormat.Rows);
                        else
                            SiluMultiply.Scalar(gate + offset, up + offset, to, PackedFormat.Rows);
                    }
                for (var i = 0; i < count; i++)
                    if (Floats)
                        new Span<float>(values + i * Columns,
                            Columns).CopyTo(new Span<float>(Y.Row(First + first + i) + block * Columns, Columns));
                    else
                        Rung.Quantize(values + i * Columns, 1, Y.Blocks + (long)(First + first + i) * Y.BlocksPerRow + block);
            }
        }
    }
}
