using System.Buffers.Binary;

namespace Banyan.Server.Viewer.Parquet;

/// <summary>A column of a row group: where its pages lie, and what is said of its values.</summary>
struct Chunk
{
    public int Codec, IndexLength;
    public long FirstPage, Dictionary, Bytes, Values, Index;

    /// <summary>How many are missing, or below zero if it is not said.</summary>
    public long Nulls;

    public byte[]? Least, Most;

    /// <summary>Where its bytes begin: at its dictionary, or its first page.</summary>
    public readonly long Start => Dictionary > 0 ? Math.Min(Dictionary, FirstPage) : FirstPage;
}

/// <summary>Rows that lie together: a chunk for each leaf of the schema.</summary>
sealed record RowGroup(long First, long Rows, Chunk[] Chunks);

/// <summary>The end of a Parquet file: its columns, and where each part of them lies.</summary>
sealed record ParquetFooter(ParquetNode Root, long Rows, IReadOnlyList<RowGroup> Groups, long Cost)
{
    const int MaxBytes = 24 << 20, MaxChunks = 200_000, MaxBound = 64;

    /// <summary>Reads the footer from the file's end.</summary>
    /// <exception cref="ViewerException">It is not a Parquet file, or damaged.</exception>
    public static async Task<ParquetFooter> ReadAsync(FileBytes file, CancellationToken cancellationToken)
    {
        if (file.Size < 12)
            throw new ViewerException($"This is no Parquet file: it has {file.Size} bytes.");
        var end = await file.ReadAsync(file.Size - 8, 8, cancellationToken);
        if (end.AsSpan(4).SequenceEqual("PARE"u8))
            throw new ViewerException("This Parquet file is encrypted: it can be downloaded, but not shown.");
        if (!end.AsSpan(4).SequenceEqual("PAR1"u8))
            throw new ViewerException("This is no Parquet file, or it is truncated: it does not end with PAR1. Upload it again.");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(end);
        if (length > file.Size - 12)
            throw new ViewerException($"The Parquet file is damaged: its footer would have {length} bytes, the file has {file.Size}.");
        if (length > MaxBytes)
            throw new ViewerException(
                $"The footer of this Parquet file has {length >> 20} MiB; at most {MaxBytes >> 20} MiB are read. Save the file with larger row groups.");
        var bytes = await file.ReadAsync(file.Size - 8 - length, (int)length, cancellationToken);
        try
        {
            return Read(bytes, file.Size);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or OverflowException)
        {
            throw new ViewerException($"The Parquet file is damaged: {e.Message}.", e);
        }
    }

    static ParquetFooter Read(ReadOnlySpan<byte> bytes, long size)
    {
        var thrift = new Thrift(bytes);
        ParquetNode? root = null;
        var (rows, first, chunks, cost) = (0L, 0L, 0L, (long)bytes.Length);
        var groups = new List<RowGroup>();
        var id = 0;
        while (thrift.Field(ref id, out var type))
            switch (id)
            {
                case 2 when type == Thrift.List: root = ParquetSchema.Read(ref thrift); break;
                case 3: rows = thrift.Signed(); break;
                case 4 when type == Thrift.List && root is not null:
                    var leaves = root.Leaves.Count();
                    for (var left = thrift.Elements().Count; left > 0; left--)
                    {
                        if ((chunks += leaves) > MaxChunks)
                            throw new InvalidDataException($"it has more than {MaxChunks} column chunks");
                        var group = ReadGroup(ref thrift, leaves, first, size);
                        groups.Add(group);
                        first = checked(first + group.Rows);
                        cost += 64 + 120L * leaves;
                    }
                    break;
                default: thrift.Skip(type); break;
            }
        return root is not null && rows == first ? new(root, rows, groups, cost)
            : throw new InvalidDataException(root is null ? "it has no schema"
                : $"its row groups have {first} rows, its footer says {rows}");
    }

    static RowGroup ReadGroup(ref Thrift thrift, int leaves, long first, long size)
    {
        var (rows, id) = (-1L, 0);
        var chunks = new Chunk[leaves];
        var found = 0;
        while (thrift.Field(ref id, out var type))
            if (id == 1 && type == Thrift.List)
            {
                found = thrift.Elements().Count;
                if (found != leaves)
                    throw new InvalidDataException($"a row group has {found} columns, the schema {leaves}");
                for (var i = 0; i < found; i++)
                    chunks[i] = ReadChunk(ref thrift, size);
            }
            else if (id == 3)
                rows = thrift.Signed();
            else
                thrift.Skip(type);
        return rows >= 0 && found == leaves ? new(first, rows, chunks)
            : throw new InvalidDataException("a row group has no rows or columns");
    }

    static Chunk ReadChunk(ref Thrift thrift, long size)
    {
        var chunk = new Chunk { Nulls = -1, FirstPage = -1 };
        var id = 0;
        while (thrift.Field(ref id, out var type))
            switch (id)
            {
                case 1: throw new InvalidDataException("its columns lie in other files");
                case 3 when type == Thrift.Struct: ReadMetadata(ref thrift, ref chunk); break;
                case 4: chunk.Index = thrift.Signed(); break;
                case 5: chunk.IndexLength = thrift.Int(); break;
                default: thrift.Skip(type); break;
            }
        if (chunk.FirstPage < 4 || chunk.Bytes < 0 || chunk.Values < 0 || chunk.Dictionary < 0 || chunk.Start + chunk.Bytes > size
            || chunk.Start > size - chunk.Bytes)
            throw new InvalidDataException(
                $"a column of it would lie at {chunk.FirstPage} with {chunk.Bytes} bytes, outside of the file's {size}");
        return chunk;
    }

    static void ReadMetadata(ref Thrift thrift, ref Chunk chunk)
    {
        var id = 0;
        while (thrift.Field(ref id, out var type))
            switch (id)
            {
                case 4: chunk.Codec = thrift.Int(); break;
                case 5: chunk.Values = thrift.Signed(); break;
                case 7: chunk.Bytes = thrift.Signed(); break;
                case 9: chunk.FirstPage = thrift.Signed(); break;
                case 11: chunk.Dictionary = thrift.Signed(); break;
                case 12 when type == Thrift.Struct: ReadStatistics(ref thrift, ref chunk); break;
                default: thrift.Skip(type); break;
            }
    }

    static void ReadStatistics(ref Thrift thrift, ref Chunk chunk)
    {
        var id = 0;
        while (thrift.Field(ref id, out var type))
            switch (id)
            {
                case 3: chunk.Nulls = thrift.Signed(); break;
                case 5 when type == Thrift.Binary: chunk.Most = Bound(thrift.Bytes()); break;
                case 6 when type == Thrift.Binary: chunk.Least = Bound(thrift.Bytes()); break;
                default: thrift.Skip(type); break;
            }
    }

    static byte[]? Bound(ReadOnlySpan<byte> bytes) => bytes.Length <= MaxBound ? bytes.ToArray() : null;
}
