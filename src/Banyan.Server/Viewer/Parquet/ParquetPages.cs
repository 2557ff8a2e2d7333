namespace Banyan.Server.Viewer.Parquet;

/// <summary>
/// The values of one leaf in consecutive rows: for each value at which depth it repeats and how much of its path is there.
/// </summary>
sealed class LeafRows
{
    /// <summary>Where each row's entries begin; one more than there are rows.</summary>
    public List<int> Starts { get; } = [];

    public List<byte> Repetitions { get; } = [];

    public List<byte> Definitions { get; } = [];

    public List<object?> Values { get; } = [];
}

/// <summary>
/// Reads the pages of a column chunk that hold certain rows, found by its page index or by walking over the headers of those before.
/// </summary>
sealed class ParquetPages(FileBytes file, Chunk chunk, ParquetNode leaf, int maxText)
{
    /// <summary>The most values of a page; runs of equal ones cost no bytes.</summary>
    public const int MaxValues = 20_000_000;

    const int MaxPage = 32 << 20, MaxIndex = 4 << 20, MaxHeader = 1 << 20, Window = 4096, MaxListed = 1000;

    struct Header
    {
        public int Type, Unpacked, Packed, Values, Encoding, Nulls, Rows, DefinitionBytes, RepetitionBytes;
        public bool IsPacked;
    }

    readonly LeafRows _rows = new();
    readonly long _end = chunk.Start + chunk.Bytes;
    ReadOnlyMemory<byte>[]? _dictionary;
    long _skip, _wanted;
    bool _isOpen;

    /// <summary>Reads rows of the row group.</summary>
    /// <param name="first">The first, counted in the row group.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<LeafRows> ReadAsync(long first, int count, CancellationToken cancellationToken)
    {
        (_skip, _wanted) = (first, count);
        var at = chunk.FirstPage;
        if (chunk.Dictionary > 0 && chunk.Dictionary < chunk.FirstPage)
            await PageAsync(chunk.Dictionary, cancellationToken);
        if (first > 0 && await IndexedAsync(first, cancellationToken) is var (offset, row) && row <= first)
            (at, _skip) = (offset, first - row);
        while (at < _end && !IsDone)
            at = await PageAsync(at, cancellationToken);
        if (_rows.Starts.Count <= _wanted)
            _rows.Starts.Add(_rows.Values.Count);
        return _rows.Starts.Count == _wanted + 1 ? _rows
            : throw new InvalidDataException($"the column '{leaf.Name}' has fewer rows than its row group");
    }

    /// <summary>A list goes on until the next row begins; all else is one value a row.</summary>
    bool IsDone => _rows.Starts.Count > _wanted || (leaf.MaxRepetition == 0 && _rows.Starts.Count == _wanted);

    /// <summary>The page with a row by the page index: where it lies and which its first row is; null if there is none.</summary>
    async Task<(long Offset, long Row)?> IndexedAsync(long wanted, CancellationToken cancellationToken)
    {
        if (chunk.Index <= 0 || chunk.IndexLength is <= 0 or > MaxIndex)
            return null;
        return Find(await file.ReadAsync(chunk.Index, chunk.IndexLength, cancellationToken));

        (long, long)? Find(ReadOnlySpan<byte> bytes)
        {
            var thrift = new Thrift(bytes);
            (long, long)? found = null;
            var id = 0;
            while (thrift.Field(ref id, out var type))
                if (id == 1 && type == Thrift.List)
                    for (var left = thrift.Elements().Count; left > 0; left--)
                    {
                        var (offset, row, field) = (0L, 0L, 0);
                        while (thrift.Field(ref field, out var fieldType))
                            switch (field)
                            {
                                case 1: offset = thrift.Signed(); break;
                                case 3: row = thrift.Signed(); break;
                                default: thrift.Skip(fieldType); break;
                            }
                        if (row >= 0 && row <= wanted && offset >= chunk.Start && offset < _end)
                            found = (offset, row);
                    }
                else
                    thrift.Skip(type);
            return found;
        }
    }

    /// <summary>Reads the page at an offset as far as its rows are wanted, and tells where the next one lies.</summary>
    async Task<long> PageAsync(long at, CancellationToken cancellationToken)
    {
        var window = (int)Math.Min(Window, _end - at);
        var bytes = await file.ReadAsync(at, window, cancellationToken);
        Header header;
        int length;
        while (!TryReadHeader(bytes, out header, out length))
        {
            if (window == _end - at || window >= MaxHeader)
                throw new InvalidDataException($"the header of a page at {at} does not end");
            window = (int)Math.Min(window * 8L, _end - at);
            bytes = await file.ReadAsync(at, window, cancellationToken);
        }
        if (header.Packed < 0 || header.Unpacked < 0 || header.Values < 0 || header.Packed > _end - at - length)
            throw new InvalidDataException($"the page at {at} would have {header.Packed} bytes, more than its column");
        var next = at + length + header.Packed;
        if (header.Type is not (0 or 2 or 3) || (header.Type != 2 && CanSkip(header)))
            return next;
        if (header.Packed > MaxPage || header.Unpacked > MaxPage)
            throw new ViewerException(
                $"The column '{leaf.Name}' has a page of {Math.Max(header.Unpacked, header.Packed) >> 20} MiB; at most {MaxPage >> 20} MiB are shown. Save the file with smaller pages (1 MiB is usual).");
        if (header.Values > MaxValues)
            throw new ViewerException($"The column '{leaf.Name}' has a page of {header.Values} values; at most {MaxValues} are read.");
        file.Walk(header.Values);
        var packed = header.Packed <= bytes.Length - length ? bytes.AsMemory(length, header.Packed)
            : await file.ReadAsync(at + length, header.Packed, cancellationToken);
        if (header.Type == 2)
            _dictionary = Dictionary(header, Codecs.Unpack(chunk.Codec, packed, header.Unpacked));
        else
            Take(header, packed);
        return next;
    }

    /// <summary>
    /// Whether all of a page's rows lie before the wanted ones. In a list a page tells only its values, and may end within a row.
    /// </summary>
    bool CanSkip(Header header)
    {
        var rows = leaf.MaxRepetition == 0 ? header.Values : header.Type == 3 ? header.Rows : -1;
        if (rows < 0 || rows > _skip || _isOpen)
            return false;
        _skip -= rows;
        return true;
    }

    static bool TryReadHeader(ReadOnlySpan<byte> bytes, out Header header, out int length)
    {
        header = new() { Type = -1, IsPacked = true };
        length = 0;
        try
        {
            var thrift = new Thrift(bytes);
            var id = 0;
            while (thrift.Field(ref id, out var type))
                switch (id)
                {
                    case 1: header.Type = thrift.Int(); break;
                    case 2: header.Unpacked = thrift.Int(); break;
                    case 3: header.Packed = thrift.Int(); break;
                    case 5 or 7 when type == Thrift.Struct:
                        for (var field = 0; thrift.Field(ref field, out var fieldType);)
                            switch (field)
                            {
                                case 1: header.Values = thrift.Int(); break;
                                case 2: header.Encoding = thrift.Int(); break;
                                default: thrift.Skip(fieldType); break;
                            }
                        break;
                    case 8 when type == Thrift.Struct:
                        for (var field = 0; thrift.Field(ref field, out var fieldType);)
                            switch (field)
                            {
                                case 1: header.Values = thrift.Int(); break;
                                case 2: header.Nulls = thrift.Int(); break;
                                case 3: header.Rows = thrift.Int(); break;
                                case 4: header.Encoding = thrift.Int(); break;
                                case 5: header.DefinitionBytes = thrift.Int(); break;
                                case 6: header.RepetitionBytes = thrift.Int(); break;
                                case 7: header.IsPacked = fieldType != Thrift.False; break;
                                default: thrift.Skip(fieldType); break;
                            }
                        break;
                    default: thrift.Skip(type); break;
                }
            length = thrift.At;
            return true;
        }
        catch (EndOfStreamException)
        {
            return false;
        }
    }

    ReadOnlyMemory<byte>[] Dictionary(Header header, ReadOnlyMemory<byte> bytes)
    {
        var values = Values.Of(0, leaf, bytes, header.Values, null);
        if (header.Values > bytes.Length)
            throw new InvalidDataException(
                $"the dictionary of the column '{leaf.Name}' would have {header.Values} values in {bytes.Length} bytes");
        var dictionary = new ReadOnlyMemory<byte>[header.Values];
        for (var i = 0; i < dictionary.Length; i++)
            dictionary[i] = values.Next();
        return dictionary;
    }

    void Take(Header header, ReadOnlyMemory<byte> packed)
    {
        ReadOnlyMemory<byte> repetitions = default, definitions = default, body;
        if (header.Type == 3)
        {
            if (header.DefinitionBytes < 0 || header.RepetitionBytes < 0
                || (long)header.DefinitionBytes + header.RepetitionBytes > Math.Min(packed.Length, header.Unpacked))
                throw Hybrid.Ended();
            repetitions = packed[..header.RepetitionBytes];
            definitions = packed.Slice(header.RepetitionBytes, header.DefinitionBytes);
            var levels = header.RepetitionBytes + header.DefinitionBytes;
            body = header.IsPacked ? Codecs.Unpack(chunk.Codec, packed[levels..], header.Unpacked - levels) : packed[levels..];
        }
        else
        {
            body = Codecs.Unpack(chunk.Codec, packed, header.Unpacked);
            if (leaf.MaxRepetition > 0)
                repetitions = Levels(ref body);
            if (leaf.MaxDefinition > 0)
                definitions = Levels(ref body);
        }
        var repetition = new Hybrid(repetitions, Width(leaf.MaxRepetition));
        var definition = new Hybrid(definitions, Width(leaf.MaxDefinition));
        var values = Values.Of(header.Encoding, leaf, body, header.Values, _dictionary);
        for (var i = 0; i < header.Values; i++)
        {
            var r = leaf.MaxRepetition > 0 ? repetition.Next() : 0;
            var d = leaf.MaxDefinition > 0 ? definition.Next() : 0;
            if (r > leaf.MaxRepetition || d > leaf.MaxDefinition)
                throw new InvalidDataException($"the column '{leaf.Name}' has levels deeper than its schema");
            if (r == 0 && !Begin())
                return;
            if (_skip >= 0 && _rows.Starts.Count == 0)
            {
                if (d == leaf.MaxDefinition)
                    values.Skip(1);
            }
            else
                Add((byte)r, (byte)d, d == leaf.MaxDefinition ? values : null);
        }
    }

    /// <summary>A row begins: false if it is after the last one wanted.</summary>
    bool Begin()
    {
        _isOpen = true;
        if (_rows.Starts.Count == 0 && _skip > 0)
        {
            _skip--;
            return true;
        }
        _skip = -1;
        _rows.Starts.Add(_rows.Values.Count);
        return _rows.Starts.Count <= _wanted;
    }

    void Add(byte repetition, byte definition, Values? values)
    {
        // Of a list without end the beginning is kept.
        if (repetition > 0 && _rows.Values.Count - _rows.Starts[^1] >= MaxListed)
        {
            values?.Skip(1);
            return;
        }
        _rows.Repetitions.Add(repetition);
        _rows.Definitions.Add(definition);
        _rows.Values.Add(values is null ? null : ParquetValue.Of(leaf, values.Next(), maxText));
    }

    static ReadOnlyMemory<byte> Levels(ref ReadOnlyMemory<byte> body)
    {
        if (body.Length < 4 || System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(body.Span) is var length
            && length > body.Length - 4)
            throw Hybrid.Ended();
        var levels = body.Slice(4, (int)length);
        body = body[(4 + (int)length)..];
        return levels;
    }

    static int Width(int max) => 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)max);
}
