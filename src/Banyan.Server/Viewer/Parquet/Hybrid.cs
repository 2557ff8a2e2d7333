namespace Banyan.Server.Viewer.Parquet;

/// <summary>
/// Small numbers as runs of one value and groups of eight packed ones (RLE / bit-packing hybrid). Nothing is unpacked ahead.
/// </summary>
struct Hybrid(ReadOnlyMemory<byte> bytes, int width)
{
    readonly ReadOnlyMemory<byte> _bytes = bytes;
    int _at, _value;
    long _run, _packed, _bit;

    public int Next()
    {
        if (width == 0)
            return 0;
        while (_run == 0 && _packed == 0)
            ReadHead();
        if (_run > 0)
        {
            _run--;
            return _value;
        }
        _packed--;
        var value = Bits.Read(_bytes.Span, _bit, width);
        _bit += width;
        return (int)value;
    }

    public void Skip(long count)
    {
        if (width == 0)
            return;
        while (count > 0)
        {
            while (_run == 0 && _packed == 0)
                ReadHead();
            var step = Math.Min(count, _run > 0 ? _run : _packed);
            if (_run > 0)
                _run -= step;
            else
                (_packed, _bit) = (_packed - step, _bit + step * width);
            count -= step;
        }
    }

    void ReadHead()
    {
        var span = _bytes.Span;
        var head = Varint(span, ref _at);
        if ((head & 1) == 0)
        {
            _run = (long)(head >> 1);
            _value = 0;
            for (var i = 0; i < (width + 7) / 8; i++)
                _value |= (_at < span.Length ? span[_at++] : throw Ended()) << (8 * i);
        }
        else
        {
            // The last group may be cut where its values end.
            var groups = (long)(head >> 1);
            if (groups > span.Length || _at >= span.Length)
                throw Ended();
            (_packed, _bit) = (groups * 8, _at * 8L);
            _at = (int)Math.Min(span.Length, _at + groups * width);
        }
    }

    public static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = at < bytes.Length ? bytes[at++] : throw Ended();
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return value;
        }
        throw new InvalidDataException("a number is too long");
    }

    public static EndOfStreamException Ended() => new("a page ends too early");
}

/// <summary>Numbers of any width, the lowest bit first.</summary>
static class Bits
{
    public static ulong Read(ReadOnlySpan<byte> bytes, long bit, int width)
    {
        var (at, shift) = (bit >> 3, (int)(bit & 7));
        if (bit + width > (long)bytes.Length * 8)
            throw Hybrid.Ended();
        ulong value = 0;
        for (var got = -shift; got < width; got += 8)
        {
            var b = (ulong)bytes[(int)at++];
            value |= got < 0 ? b >> -got : b << got;
        }
        return width == 64 ? value : value & ((1UL << width) - 1);
    }
}
