namespace Banyan.Server.Git.Packs;

/// <summary>Deltas: copies from a base and bytes of their own (gitformat-pack, "Deltified representation").</summary>
static class PackDelta
{
    /// <summary>Length of the base that a delta is for, length of what it makes, and where its instructions begin.</summary>
    /// <exception cref="PackException">It is damaged.</exception>
    public static (long Base, long Result, int At) Lengths(ReadOnlySpan<byte> delta)
    {
        var at = 0;
        return (Length(delta, ref at), Length(delta, ref at), at);
    }

    /// <summary>Makes the object.</summary>
    /// <param name="source">The base.</param>
    /// <param name="delta">The delta, its two lengths first.</param>
    /// <param name="maxLength">The longest object that is made.</param>
    /// <exception cref="PackException">It is damaged, for another base, or makes a longer object.</exception>
    public static byte[] Apply(ReadOnlySpan<byte> source, ReadOnlySpan<byte> delta, long maxLength)
    {
        var (baseLength, length, at) = Lengths(delta);
        if (baseLength != source.Length)
            throw new PackException($"a delta is for a base of {baseLength} bytes, and its base has {source.Length}");
        if (length > maxLength)
            throw new PackException($"a delta makes an object of {length} bytes; at most {maxLength} are taken");
        var result = new byte[length];
        var to = 0;
        while (at < delta.Length)
        {
            int code = delta[at++];
            if (code == 0)
                throw new PackException("a delta has the reserved instruction 0");
            if (code < 0x80)
            {
                if (code > delta.Length - at || code > result.Length - to)
                    throw new PackException("a delta inserts more than there is");
                delta.Slice(at, code).CopyTo(result.AsSpan(to));
                (at, to) = (at + code, to + code);
                continue;
            }
            long from = 0, count = 0;
            for (var i = 0; i < 4; i++)
                from |= (code & 1 << i) != 0 ? (long)Next(delta, ref at) << 8 * i : 0;
            for (var i = 0; i < 3; i++)
                count |= (code & 1 << i + 4) != 0 ? (long)Next(delta, ref at) << 8 * i : 0;
            if (count == 0)
                count = 0x10000;
            if (from + count > source.Length || count > result.Length - to)
                throw new PackException("a delta copies more than there is");
            source.Slice((int)from, (int)count).CopyTo(result.AsSpan(to));
            to += (int)count;
        }
        return to == result.Length ? result : throw new PackException($"a delta makes {to} bytes instead of {length}");
    }

    static byte Next(ReadOnlySpan<byte> delta, ref int at) =>
        at < delta.Length ? delta[at++] : throw new PackException("a delta ends too early");

    static long Length(ReadOnlySpan<byte> delta, ref int at)
    {
        long length = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = Next(delta, ref at);
            length |= (long)(next & 0x7f) << shift;
            if (next < 0x80)
                return length;
        }
        throw new PackException("a delta's length is damaged");
    }
}
