using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>
/// A weight matrix [rows, columns] in panels of 16 rows as vector lanes, in as many bits as its file has: packed once at load, read by
/// every rung. Rows beyond the last are 0.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Source bytes that are mapped, packed and given back together: few calls of the system, little memory.</summary>
    const long BytesPerPart = 4 << 20;

    /// <summary>Less than that is not worth another thread: some 0.1 milliseconds of packing.</summary>
    const long LeastBytesPerPart = 256 << 10;

    readonly AlignedBuffer _buffer;
    readonly long _offset;
    readonly bool _ownsBuffer;

    PackedMatrix(PackedFormat format, int rows, int columns, WeightMemory? memory)
    {
        (Format, Rows, Columns) = (format, rows, columns);
        Panels = (rows + PackedFormat.Rows - 1) / PackedFormat.Rows;
        PanelBytes = format.PanelBytes(columns);
        QuantOffset = format.QuantOffset(columns);
        Bytes = Panels * PanelBytes;
        _ownsBuffer = memory is null;
        (_buffer, _offset) = memory?.Take(Bytes) ?? (new AlignedBuffer(Bytes, zeroed: false), 0);
    }

    PackedMatrix(PackedMatrix whole, int rows)
    {
        (Format, Rows, Columns, PanelBytes, QuantOffset) = (whole.Format, rows, whole.Columns, whole.PanelBytes, whole.QuantOffset);
        Panels = rows / PackedFormat.Rows;
        Bytes = Panels * PanelBytes;
        (_buffer, _offset) = (whole._buffer, whole._offset);
    }

    public PackedFormat Format { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Memory it takes: the file's bytes, rounded up to 16 rows.</summary>
    public long Bytes { get; }

    public int Panels { get; }

    public long PanelBytes { get; }

    /// <summary>From a panel's start to its quants.</summary>
    public long QuantOffset { get; }

    public byte* Panel(int panel) => _buffer.Pointer + _offset + panel * PanelBytes;

    /// <summary>Packs a tensor of a model file; its pages are given back to the system when they have been read.</summary>
    public static PackedMatrix Pack(Tensor tensor, WorkerPool pool) =>
        Pack(tensor.Format, tensor.Pointer, checked((int)tensor.Rows), checked((int)tensor.Columns), pool, releaseMapping: true);

    /// <summary>
    /// Packs rows × columns weights from <paramref name="source"/>, in parallel.
    /// <paramref name="releaseMapping"/>: the source is a file mapping, whose pages are given back to the system when they have been read.
    /// <paramref name="memory"/>: where the matrix is to lie; null for memory of its own.
    /// </summary>
    /// <exception cref="NotSupportedException">No kernel computes with this format.</exception>
    /// <exception cref="ArgumentException">The columns are no multiple of the format's block.</exception>
    public static PackedMatrix Pack(WeightFormat weightFormat, byte* source, int rows, int columns, WorkerPool pool,
        bool releaseMapping = false, WeightMemory? memory = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var format = PackedFormat.For(weightFormat);
        var rowBytes = (nint)weightFormat.ByteLength(columns);
        var matrix = new PackedMatrix(format, rows, columns, memory);
        var job = new PackJob { Matrix = matrix, Source = source, RowBytes = rowBytes, Release = releaseMapping };
        // Most matrices are smaller than a part or two: every thread gets some of them too.
        var shared = Math.Min(rows * rowBytes / LeastBytesPerPart, 2 * pool.Threads);
        pool.Run(ref job, (int)Math.Clamp(Math.Max(rows * rowBytes / BytesPerPart, shared), 1, matrix.Panels));
        return matrix;
    }

    /// <summary>Its first rows, a multiple of 16, in the same memory: valid as long as this is.</summary>
    public PackedMatrix First(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows % PackedFormat.Rows, 0);
        return new(this, rows);
    }

    /// <summary>Writes row <paramref name="row"/> as floats: an embedding.</summary>
    public void CopyRow(int row, float* destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        const int Step = 256;
        var scratch = stackalloc float[Step * PackedFormat.Rows];
        var lane = row % PackedFormat.Rows;
        for (var column = 0; column < Columns; column += Step)
        {
            var count = Math.Min(Step, Columns - column);
            Ladder.Current.Dequantize(this, row / PackedFormat.Rows, column, count, scratch);
            for (var i = 0; i < count; i++)
                destination[column + i] = scratch[i * PackedFormat.Rows + lane];
        }
    }

    public void Dispose()
    {
        if (_ownsBuffer)
            _buffer.Dispose();
    }

    struct PackJob : IJob
    {
        public PackedMatrix Matrix;
        public byte* Source;
        public nint RowBytes;
        public bool Release;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Matrix.Panels);
            var source = Source + (long)first * PackedFormat.Rows * RowBytes;
            var bytes = (Math.Min((long)end * PackedFormat.Rows, Matrix.Rows) - (long)first * PackedFormat.Rows) * RowBytes;
            if (Release)
                AlignedBuffer.PopulateMapping(source, bytes);
            for (var panel = first; panel < end; panel++)
                PackPanel(panel);
            if (Release)
                AlignedBuffer.ReleaseMapping(source, bytes);
        }

        readonly void PackPanel(int panel)
        {
            var first = panel * PackedFormat.Rows;
            var source = Source + first * RowBytes;
            var rows = Math.Min(PackedFormat.Rows, Matrix.Rows - first);
            if (rows < PackedFormat.Rows)
            {
                // Zero bytes are zero weights in every format.
                var padded = Scratch.ForPart(PackedFormat.Rows * RowBytes);
                new Span<byte>(padded, checked((int)(PackedFormat.Rows * RowBytes))).Clear();
                Buffer.MemoryCopy(source, padded, PackedFormat.Rows * RowBytes, rows * RowBytes);
                source = padded;
            }
            var to = Matrix.Panel(panel);
            Matrix.Format.Pack(source, RowBytes, Matrix.Columns, to, to + Matrix.QuantOffset);
        }
    }
}
