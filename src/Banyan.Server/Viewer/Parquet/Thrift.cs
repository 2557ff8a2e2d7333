namespace Banyan.Server.Viewer.Parquet;

/// <summary>
/// Reads Thrift's compact protocol, in which Parquet writes its footer and page headers. Every length is checked before it is followed.
/// </summary>
ref struct Thrift(ReadOnlySpan<byte> bytes)
{
    const int MaxDepth = 24;

    public const int True = 1, False = 2, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>How many bytes were read.</summary>
    public int At { get; private set; }

    /// <summary>Goes to a struct's next field; false at its end.</summary>
    /// <param name="id">The field before, 0 at first; becomes this one.</param>
    /// <param name="type">Its type.</param>
    public bool Field(ref int id, out int type)
    {
        var head = Byte();
        type = head & 15;
        if (type == 0)
            return false;
        id = head >> 4 is > 0 and var step ? id + step : (int)Signed();
        return true;
    }

    /// <summary>Type and number of a list's elements. There are no more of them than bytes.</summary>
    public (int Type, int Count) Elements()
    {
        var head = Byte();
        var count = head >> 4 is var few && few < 15 ? few : (long)Unsigned();
        return count >= 0 && count <= _bytes.Length - At ? (head & 15, (int)count) : throw Ended();
    }

    public long Signed()
    {
        var zigzag = Unsigned();
        return (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
    }

    public int Int() => Signed() is >= int.MinValue and <= int.MaxValue and var value ? (int)value
        : throw new InvalidDataException("a number is too large");

    public ReadOnlySpan<byte> Bytes()
    {
        var length = Unsigned();
        if (length > (ulong)(_bytes.Length - At))
            throw Ended();
        At += (int)length;
        return _bytes.Slice(At - (int)length, (int)length);
    }

    public void Skip(int type, int depth = MaxDepth)
    {
        if (depth == 0)
            throw new InvalidDataException("its metadata is nested too deep");
        switch (type)
        {
            case True or False:
                break;
            case 3:
                Byte();
                break;
            case 4 or 5 or 6:
                Unsigned();
                break;
            case 7:
                At += _bytes.Length - At >= 8 ? 8 : throw Ended();
                break;
            case Binary:
                Bytes();
                break;
            case List or Set:
                var (element, count) = Elements();
                for (var i = 0; i < count; i++)
                    SkipElement(element, depth - 1);
                break;
            case Map:
                var entries = Unsigned();
                if (entries > (ulong)(_bytes.Length - At))
                    throw Ended();
                var kinds = entries > 0 ? Byte() : (byte)0;
                for (var i = 0UL; i < entries; i++)
                {
                    SkipElement(kinds >> 4, depth - 1);
                    SkipElement(kinds & 15, depth - 1);
                }
                break;
            case Struct:
                var id = 0;
                while (Field(ref id, out var field))
                    Skip(field, depth - 1);
                break;
            default:
                throw new InvalidDataException($"its metadata has a field of the unknown type {type}");
        }
    }

    void SkipElement(int type, int depth)
    {
        if (type is True or False)
            Byte();   // in a list a truth value is a byte
        else
            Skip(type, depth);
    }

    byte Byte() => At < _bytes.Length ? _bytes[At++] : throw Ended();

    ulong Unsigned()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Byte();
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return value;
        }
        throw new InvalidDataException("a number is too long");
    }

    static EndOfStreamException Ended() => new("its metadata ends too early");
}
