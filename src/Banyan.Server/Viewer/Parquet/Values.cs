using System.Buffers.Binary;

namespace Banyan.Server.Viewer.Parquet;

/// <summary>The values of a page in order. What is passed over is not made.</summary>
abstract class Values
{
    const long MaxMade = 256 << 20;

    public abstract void Skip(long count);

    /// <summary>The next value: of fixed width its bytes, else the bytes of a text.</summary>
    public abstract ReadOnlyMemory<byte> Next();

    /// <summary>Values of an encoding.</summary>
    /// <param name="encoding">Its number in the page's header.</param>
    /// <param name="leaf">The column.</param>
    /// <param name="bytes">The page after its levels.</param>
    /// <param name="count">How many values the page has at most.</param>
    /// <param name="dictionary">The column's dictionary, or null.</param>
    public static Values Of(int encoding, ParquetNode leaf, ReadOnlyMemory<byte> bytes, int count, ReadOnlyMemory<byte>[]? dictionary) =>
        (encoding, leaf.Physical) switch
        {
            (0, Physical.Boolean) => new Flags(bytes),
            (0, Physical.Bytes) => new PlainBytes(bytes),
            (0, _) => new Plain(bytes, WidthOf(leaf)),
            (2 or 8, _) when dictionary is not null => new Looked(bytes, dictionary),
            (3, Physical.Boolean) => new RunFlags(bytes),
            (5, Physical.Int32 or Physical.Int64) => new Deltas(bytes, WidthOf(leaf)),
            (6, Physical.Bytes) => new DeltaLengths(bytes),
            (7, Physical.Bytes or Physical.FixedBytes) => new DeltaBytes(bytes),
            (9, not (Physical.Boolean or Physical.Bytes)) => new Split(bytes, WidthOf(leaf)),
            _ => throw new InvalidDataException($"the column '{leaf.Name}' has values in the encoding {encoding}, which is not read here"),
        };

    static int WidthOf(ParquetNode leaf) => leaf.Physical switch
    {
        Physical.Int32 or Physical.Float => 4,
        Physical.Int64 or Physical.Double => 8,
        Physical.Int96 => 12,
        _ => leaf.Width,
    };

    static readonly ReadOnlyMemory<byte> s_true = new byte[] { 1 }, s_false = new byte[] { 0 };

    sealed class Plain(ReadOnlyMemory<byte> bytes, int width) : Values
    {
        long _at;

        public override void Skip(long count) => _at += count * width;

        public override ReadOnlyMemory<byte> Next() =>
            (_at += width) <= bytes.Length ? bytes.Slice((int)(_at - width), width) : throw Hybrid.Ended();
    }

    sealed class PlainBytes(ReadOnlyMemory<byte> bytes) : Values
    {
        int _at;

        public override void Skip(long count)
        {
            for (; count > 0; count--)
                Next();
        }

        public override ReadOnlyMemory<byte> Next()
        {
            if (bytes.Length - _at < 4 || BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[_at..]) is var length
                && length > bytes.Length - _at - 4)
                throw Hybrid.Ended();
            _at += 4 + (int)length;
            return bytes.Slice(_at - (int)length, (int)length);
        }
    }

    sealed class Flags(ReadOnlyMemory<byte> bytes) : Values
    {
        long _bit;

        public override void Skip(long count) => _bit += count;

        public override ReadOnlyMemory<byte> Next() => Bits.Read(bytes.Span, _bit++, 1) == 1 ? s_true : s_false;
    }

    sealed class RunFlags(ReadOnlyMemory<byte> bytes) : Values
    {
        Hybrid _flags = new(bytes.Length >= 4 ? bytes[4..] : throw Hybrid.Ended(), 1);

        public override void Skip(long count) => _flags.Skip(count);

        public override ReadOnlyMemory<byte> Next() => _flags.Next() == 1 ? s_true : s_false;
    }

    sealed class Looked(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte>[] dictionary) : Values
    {
        Hybrid _keys = bytes.Length == 0 ? default
            : new(bytes[1..], bytes.Span[0] <= 32 ? bytes.Span[0] : throw new InvalidDataException("a page has keys of more than 32 bits"));

        public override void Skip(long count) => _keys.Skip(count);

        public override ReadOnlyMemory<byte> Next() => _keys.Next() is var key && (uint)key < (uint)dictionary.Length ? dictionary[key]
            : throw new InvalidDataException("a page refers to a value that is not in its dictionary");
    }

    sealed class Split(ReadOnlyMemory<byte> bytes, int width) : Values
    {
        readonly int _count = bytes.Length / width;
        long _at;

        public override void Skip(long count) => _at += count;

        public override ReadOnlyMemory<byte> Next()
        {
            if (_at >= _count)
                throw Hybrid.Ended();
            var value = new byte[width];
            for (var i = 0; i < width; i++)
                value[i] = bytes.Span[(int)(i * _count + _at)];
            _at++;
            return value;
        }
    }

    sealed class Deltas(ReadOnlyMemory<byte> bytes, int width) : Values
    {
        DeltaNumbers _numbers = new(bytes);

        public override void Skip(long count)
        {
            for (; count > 0; count--)
                _numbers.Next();
        }

        public override ReadOnlyMemory<byte> Next()
        {
            var value = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(value, _numbers.Next());
            return value.AsMemory(0, width);
        }
    }

    sealed class DeltaLengths : Values
    {
        readonly ReadOnlyMemory<byte> _bytes;
        DeltaNumbers _lengths;
        long _at;

        public DeltaLengths(ReadOnlyMemory<byte> bytes)
        {
            (_bytes, _lengths) = (bytes, new(bytes));
            _at = DeltaNumbers.EndOf(bytes);
        }

        public override void Skip(long count)
        {
            for (; count > 0; count--)
                Next();
        }

        public override ReadOnlyMemory<byte> Next()
        {
            var length = _lengths.Next();
            if (length < 0 || length > _bytes.Length - _at)
                throw Hybrid.Ended();
            _at += length;
            return _bytes.Slice((int)(_at - length), (int)length);
        }
    }

    sealed class DeltaBytes : Values
    {
        DeltaNumbers _prefixes;
        readonly DeltaLengths _suffixes;
        ReadOnlyMemory<byte> _last;
        long _made;

        public DeltaBytes(ReadOnlyMemory<byte> bytes)
        {
            _prefixes = new(bytes);
            _suffixes = new(bytes[DeltaNumbers.EndOf(bytes)..]);
        }

        public override void Skip(long count)
        {
            for (; count > 0; count--)
                Next();
        }

        public override ReadOnlyMemory<byte> Next()
        {
            var (prefix, suffix) = (_prefixes.Next(), _suffixes.Next());
            if (prefix < 0 || prefix > _last.Length)
                throw new InvalidDataException("a text begins with more of the one before than that has");
            if (prefix == 0)
                return _last = suffix;
            if (suffix.Length == 0 && prefix == _last.Length)
                return _last;
            // Of few bytes many long texts can be made.
            if ((_made += prefix + suffix.Length) > MaxMade)
                throw new InvalidDataException($"the texts of a page that share their beginnings have more than {MaxMade >> 20} MiB");
            var value = new byte[prefix + suffix.Length];
            _last.Span[..(int)prefix].CopyTo(value);
            suffix.Span.CopyTo(value.AsSpan((int)prefix));
            return _last = value;
        }
    }
}

/// <summary>Whole numbers as differences (DELTA_BINARY_PACKED), one at a time.</summary>
struct DeltaNumbers
{
    readonly ReadOnlyMemory<byte> _bytes;
    readonly int _perMini, _minis;
    readonly long _count;
    int _at, _mini, _inMini, _widths;
    long _value, _least, _given, _bit;

    public DeltaNumbers(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        var block = (long)Hybrid.Varint(bytes.Span, ref _at);
        _minis = (int)Math.Min(int.MaxValue, Hybrid.Varint(bytes.Span, ref _at));
        _count = (long)Hybrid.Varint(bytes.Span, ref _at);
        if (block is < 1 or > 1 << 20 || _minis < 1 || _minis > block || block % _minis != 0 || block / _minis % 8 != 0 || _count < 0)
            throw new InvalidDataException("a page of differences has a head that makes no sense");
        _perMini = (int)(block / _minis);
        _value = Signed();
        _mini = _minis;
    }

    public long Next()
    {
        if (_given >= _count)
            throw Hybrid.Ended();
        if (_given++ == 0)
            return _value;
        if (_mini == _minis || (_inMini == _perMini && ++_mini == _minis))
        {
            StartBlock();
            StartMini();
        }
        else if (_inMini == _perMini)
            StartMini();
        var width = _bytes.Span[_widths + _mini];
        _value = unchecked(_value + _least + (long)(width == 0 ? 0 : Bits.Read(_bytes.Span, _bit, width)));
        _bit += width;
        _inMini++;
        return _value;
    }

    void StartBlock()
    {
        _least = Signed();
        (_widths, _mini) = (_at, 0);
        _at = _bytes.Length - _at >= _minis ? _at + _minis : throw Hybrid.Ended();
    }

    void StartMini()
    {
        var width = _bytes.Span[_widths + _mini];
        if (width > 64)
            throw new InvalidDataException("a difference has more than 64 bits");
        (_inMini, _bit) = (0, _at * 8L);
        // The last one of a page may be cut where its values end.
        _at = (int)Math.Min(_bytes.Length, _at + (long)_perMini * width / 8);
    }

    long Signed()
    {
        var zigzag = Hybrid.Varint(_bytes.Span, ref _at);
        return (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
    }

    /// <summary>Where the numbers end and what follows them begins.</summary>
    public static int EndOf(ReadOnlyMemory<byte> bytes)
    {
        var numbers = new DeltaNumbers(bytes);
        // Runs of equal numbers cost no bytes: more of them than a page may have are none.
        if (numbers._count > ParquetPages.MaxValues)
            throw new InvalidDataException($"a page has {numbers._count} values");
        for (var i = 0L; i < numbers._count; i++)
            numbers.Next();
        return numbers._at;
    }
}
