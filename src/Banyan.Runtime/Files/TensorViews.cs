using System.Runtime.InteropServices;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files;

/// <summary>Tensors derived from others, row by row on demand: data that a file has in another order, shape or form.</summary>
static unsafe class TensorViews
{
    const int RowsAtOnce = 64;

    /// <summary>All rows, in parallel.</summary>
    public static void CopyTo(this Tensor tensor, byte* to)
    {
        var (rowBytes, rows) = (tensor.RowBytes, tensor.Rows);
        Parallel.For(0, (rows + RowsAtOnce - 1) / RowsAtOnce, part =>
        {
            var (first, count) = (part * RowsAtOnce, Math.Min(RowsAtOnce, rows - part * RowsAtOnce));
            tensor.CopyRows(first, new Span<byte>(to + first * rowBytes, checked((int)(count * rowBytes))));
        });
    }

    /// <summary>The same values as floats.</summary>
    public static Tensor AsFloats(this Tensor tensor) => tensor.Format == WeightFormat.F32 ? tensor
        : new Tensor(tensor.Name, WeightFormat.F32, [.. tensor.Shape], (first, to) => Floats(tensor, first, to));

    /// <summary>Each value changed, as floats.</summary>
    public static Tensor Map(this Tensor tensor, Func<float, float> change) =>
        new(tensor.Name, WeightFormat.F32, [.. tensor.Shape], (first, to) =>
        {
            Floats(tensor, first, to);
            foreach (ref var value in MemoryMarshal.Cast<byte, float>(to))
                value = change(value);
        });

    /// <summary>Each value changed, by its row, as floats.</summary>
    public static Tensor MapRows(this Tensor tensor, Func<long, float, float> change) =>
        new(tensor.Name, WeightFormat.F32, [.. tensor.Shape], (first, to) =>
        {
            Floats(tensor, first, to);
            var values = MemoryMarshal.Cast<byte, float>(to);
            for (var i = 0; i < values.Length; i++)
                values[i] = change(first + i / tensor.Columns, values[i]);
        });

    /// <summary>The rows of a new shape with the same number of columns, each the row that <paramref name="from"/> names.</summary>
    public static Tensor PickRows(this Tensor tensor, long[] shape, Func<long, long> from) => shape[^1] != tensor.Columns
        ? throw new ArgumentException($"{tensor.Name} has {tensor.Columns} columns, not {shape[^1]}")
        : new(tensor.Name, tensor.Format, shape, (first, to) =>
        {
            var rowBytes = (int)tensor.RowBytes;
            for (var at = 0; at < to.Length; at += rowBytes)
                tensor.CopyRows(from(first++), to.Slice(at, rowBytes));
        });

    /// <summary>A selection of a matrix's columns: column c is the one that <paramref name="from"/> names.</summary>
    public static Tensor PickColumns(this Tensor tensor, long columns, Func<long, long> from)
    {
        int[] order = [.. Enumerable.Range(0, checked((int)columns)).Select(c => (int)from(c))];
        if (order.Any(c => c < 0 || c >= tensor.Columns))
            throw new ArgumentException($"{tensor.Name} has {tensor.Columns} columns");
        return new(tensor.Name, WeightFormat.F32, [.. tensor.Shape.Take(tensor.Shape.Count - 1), columns], (first, to) =>
        {
            var row = new float[tensor.Columns];
            for (var rows = MemoryMarshal.Cast<byte, float>(to); rows.Length > 0; rows = rows[order.Length..])
            {
                tensor.Dequantize(first++, 1, row);
                for (var c = 0; c < order.Length; c++)
                    rows[c] = row[order[c]];
            }
        });
    }

    /// <summary>The same numbers in row order, in another shape.</summary>
    public static Tensor Reshape(this Tensor tensor, params long[] shape)
    {
        if (shape.Aggregate(1L, (product, n) => product * n) != tensor.Rows * tensor.Columns)
            throw new ArgumentException($"{tensor.Name} [{string.Join(", ", tensor.Shape)}] cannot be [{string.Join(", ", shape)}]");
        if (shape[^1] == tensor.Columns)
            return tensor.PickRows(shape, row => row);
        var floats = tensor.AsFloats();
        return new(tensor.Name, WeightFormat.F32, shape, (first, to) =>
        {
            var values = MemoryMarshal.Cast<byte, float>(to);
            var row = new float[floats.Columns];
            for (long at = first * shape[^1], i = 0; i < values.Length; i++, at++)
            {
                if (i == 0 || at % row.Length == 0)
                    floats.Dequantize(at / row.Length, 1, row);
                values[(int)i] = row[at % row.Length];
            }
        });
    }

    /// <summary>One or several matrices [rows, columns], transposed to [columns, rows].</summary>
    public static Tensor Transpose(this Tensor tensor)
    {
        var (rows, columns) = (tensor.Shape[^2], checked((int)tensor.Columns));
        return new(tensor.Name, WeightFormat.F32, [.. tensor.Shape.Take(tensor.Shape.Count - 2), columns, rows], (first, to) =>
        {
            var values = MemoryMarshal.Cast<byte, float>(to);
            var (count, row, height) = (values.Length / (int)rows, new float[columns], (int)rows);
            // Rows of one matrix at a time: each of the original is read once for all of them.
            for (var done = 0; done < count;)
            {
                var (matrix, column) = ((first + done) / columns, (int)((first + done) % columns));
                var here = Math.Min(count - done, columns - column);
                for (var r = 0; r < height; r++)
                {
                    tensor.Dequantize(matrix * rows + r, 1, row);
                    for (var c = 0; c < here; c++)
                        values[(done + c) * height + r] = row[column + c];
                }
                done += here;
            }
        });
    }

    /// <summary>Tensors of one format and as many columns, one after the other, in a shape that all their rows make.</summary>
    public static Tensor Join(string name, long[] shape, params IReadOnlyList<Tensor> tensors)
    {
        var format = tensors.All(t => t.Format == tensors[0].Format) ? tensors[0].Format : WeightFormat.F32;
        Tensor[] all = [.. tensors.Select(t => format == WeightFormat.F32 ? t.AsFloats() : t)];
        return new Tensor(name, format, shape, (first, to) =>
        {
            var rowBytes = (int)all[0].RowBytes;
            for (var at = 0; at < to.Length; at += rowBytes, first++)
            {
                var (row, part) = (first, 0);
                while (row >= all[part].Rows)
                    row -= all[part++].Rows;
                all[part].CopyRows(row, to.Slice(at, rowBytes));
            }
        });
    }

    /// <summary>Its rows in another weight format.</summary>
    public static Tensor As(this Tensor tensor, WeightFormat format) => tensor.Format == format ? tensor
        : new Tensor(tensor.Name, format, [.. tensor.Shape], (first, to) =>
        {
            var row = new float[tensor.Columns];
            var rowBytes = (int)format.ByteLength(row.Length);
            for (var at = 0; at < to.Length; at += rowBytes)
            {
                tensor.Dequantize(first++, 1, row);
                format.Quantize(row, to.Slice(at, rowBytes));
            }
        });

    static void Floats(Tensor tensor, long first, Span<byte> to)
    {
        var values = MemoryMarshal.Cast<byte, float>(to);
        tensor.Dequantize(first, values.Length / (int)tensor.Columns, values);
    }
}
