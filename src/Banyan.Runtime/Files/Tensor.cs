using System.Runtime.InteropServices;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files;

/// <summary>
/// A tensor of a model file, in place. Most are contiguous; the experts of a safetensors file are separate pieces, presented as one tensor
/// [experts, rows, columns]: <see cref="Slice"/> gives either kind's experts. A tensor that safetensors store in another form than GGUF is
/// converted when its rows are read.
/// </summary>
public sealed unsafe class Tensor
{
    /// <summary>Weights a row may have, so that a row's bytes and floats can be counted in 31 bits.</summary>
    internal const long MostColumns = 1 << 28;

    readonly Part[] _parts; // equally long; outermost dimension first
    readonly RowReader? _rows; // instead of parts
    readonly long _rowBytes;

    /// <summary>A contiguous stretch of a mapped file.</summary>
    internal readonly record struct Part(Mapping File, long Offset);

    /// <summary>
    /// Writes whole rows of a tensor, from <paramref name="first"/> on, as many as <paramref name="to"/> takes. Called by several threads
    /// at once.
    /// </summary>
    internal delegate void RowReader(long first, Span<byte> to);

    /// <summary>Its GGUF name: <c>blk.0.attn_q.weight</c>.</summary>
    public string Name { get; }

    /// <summary>Its weight format.</summary>
    public WeightFormat Format { get; }

    /// <summary>Row-major, outermost first: [rows, columns], experts [experts, rows, columns], a vector [columns].</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The product of all dimensions but the last; 1 for a vector.</summary>
    public long Rows { get; }

    /// <summary>The last dimension: weights in a row.</summary>
    public long Columns { get; }

    /// <summary>Bytes of all weights.</summary>
    public long ByteLength { get; }

    /// <summary>The caller has checked that the shape fits 63 bits, rows are whole blocks, and each part is in its file.</summary>
    internal Tensor(string name, WeightFormat format, long[] shape, params Part[] parts)
    {
        (Name, Format, Shape, _parts) = (name, format, Array.AsReadOnly(shape), parts);
        Columns = shape.Length == 0 ? 1 : shape[^1];
        Rows = 1;
        for (var i = 0; i < shape.Length - 1; i++)
            Rows = checked(Rows * shape[i]);
        _rowBytes = format.ByteLength(Columns);
        ByteLength = checked(Rows * _rowBytes);
    }

    /// <summary>A tensor whose rows are computed on demand.</summary>
    internal Tensor(string name, WeightFormat format, long[] shape, RowReader rows)
        : this(name, format, shape) => _rows = rows;

    /// <summary>The same tensor by another name.</summary>
    internal Tensor Named(string name) => new(name, this);

    /// <summary>Tensors of one shape and format as one, in which each is a slice.</summary>
    internal static Tensor Stack(string name, IReadOnlyList<Tensor> tensors)
    {
        var first = tensors[0];
        long[] shape = [tensors.Count, .. first.Shape];
        return tensors.All(t => t.IsMapped) ? new(name, first.Format, shape, [.. tensors.Select(t => t._parts[0])])
            : TensorViews.Join(name, shape, tensors);
    }

    Tensor(string name, Tensor other)
        : this(name, other.Format, [.. other.Shape], other._parts) => _rows = other._rows;

    /// <summary>Whether it is in a file as it is, in one piece.</summary>
    internal bool IsMapped => _rows is null && _parts.Length == 1;

    /// <summary>Whether its rows are made on demand.</summary>
    internal bool IsMade => _rows is not null;

    /// <summary>Bytes of a row.</summary>
    internal long RowBytes => _rowBytes;

    /// <summary>
    /// The first byte, inside the mapping: valid until the <see cref="ModelFile"/> is disposed. No alignment is guaranteed.
    /// </summary>
    /// <exception cref="InvalidOperationException">The tensor is in pieces: use <see cref="Slice"/>.</exception>
    public byte* Pointer => _parts.Length == 1
        ? _parts[0].File.Pointer(_parts[0].Offset, ByteLength)
        : throw new InvalidOperationException(_rows is null ? $"{Name} lies in {_parts.Length} pieces; take Slice(i) of it"
            : $"{Name} lies in no file as it is; take its rows");

    /// <summary>Where the tensor begins in its file.</summary>
    internal long Offset => _parts[0].Offset;

    /// <summary>
    /// The <paramref name="index"/>-th tensor along the outermost dimension: expert e of [experts, rows, columns] as [rows, columns].
    /// </summary>
    public Tensor Slice(int index)
    {
        if (Shape.Count < 2)
            throw new InvalidOperationException($"{Name} has {Shape.Count} dimension(s) and no slices");
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Shape[0]);
        var rows = Rows / Shape[0];
        if (_rows is { } read)
            return new Tensor($"{Name}[{index}]", Format, [.. Shape.Skip(1)], (first, to) => read(index * rows + first, to));
        var part = _parts.Length == 1 ? _parts[0] with { Offset = _parts[0].Offset + ByteLength / Shape[0] * index } : _parts[index];
        return new Tensor($"{Name}[{index}]", Format, [.. Shape.Skip(1)], part);
    }

    /// <summary>Rows [first, first + rows) of a matrix in one piece.</summary>
    internal Tensor RowRange(int first, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + (long)rows, Rows);
        if (_rows is { } read)
            return new Tensor($"{Name}#{first}", Format, [rows, Columns], (row, to) => read(first + row, to));
        ArgumentOutOfRangeException.ThrowIfNotEqual(_parts.Length, 1);
        return new Tensor($"{Name}#{first}", Format, [rows, Columns], _parts[0] with { Offset = _parts[0].Offset + first * _rowBytes });
    }

    /// <summary>The bytes of a row: <see cref="Columns"/> weights.</summary>
    public ReadOnlySpan<byte> Row(long row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        if (_rows is not null)
        {
            var made = new byte[checked((int)_rowBytes)];
            _rows(row, made);
            return made;
        }
        var rowsPerPart = Rows / _parts.Length;
        var part = _parts[row / rowsPerPart];
        return part.File.Span(part.Offset + row % rowsPerPart * _rowBytes, checked((int)_rowBytes));
    }

    /// <summary>Copies the bytes of whole rows, from <paramref name="first"/> on, as many as <paramref name="to"/> takes.</summary>
    internal void CopyRows(long first, Span<byte> to)
    {
        if (_rows is not null)
            _rows(first, to);
        else
            for (var at = 0; at < to.Length; at += (int)_rowBytes)
                Row(first++).CopyTo(to[at..]);
    }

    /// <summary>Writes rows as floats.</summary>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="destination">rows × <see cref="Columns"/> floats.</param>
    public void Dequantize(long firstRow, int rows, Span<float> destination)
    {
        if (destination.Length != rows * Columns)
            throw new ArgumentException($"{rows} rows of {Name} are {rows * Columns} floats, not {destination.Length}",
                nameof(destination));
        if (_rows is not null && Format == WeightFormat.F32)
        {
            _rows(firstRow, MemoryMarshal.AsBytes(destination));
            return;
        }
        for (var row = 0; row < rows; row++)
            Format.Dequantize(Row(firstRow + row), destination.Slice(row * (int)Columns, (int)Columns));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}] {Format}";
}
