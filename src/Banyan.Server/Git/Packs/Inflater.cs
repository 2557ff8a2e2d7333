using System.Buffers.Binary;

namespace Banyan.Server.Git.Packs;

/// <summary>
/// Unpacks zlib streams (RFC 1950, 1951) that stand one after the other: tells where each ends, which .NET's own does not. Most objects of
/// a pack are short, so it allocates nothing for each.
/// </summary>
sealed class Inflater
{
    const int MaxCodeBits = 15, LiteralBits = 9, DistanceBits = 7, EndOfBlock = 256;

    static ReadOnlySpan<ushort> LengthBase =>
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    static ReadOnlySpan<byte> LengthExtra => [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    static ReadOnlySpan<ushort> DistanceBase =>
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
            8193, 12289, 16385, 24577];

    static ReadOnlySpan<byte> DistanceExtra =>
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    static ReadOnlySpan<byte> CodeOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>A canonical Huffman code: short codes by one look, longer ones bit by bit.</summary>
    sealed class Code(int symbols, int tableBits)
    {
        readonly ushort[] _table = new ushort[1 << tableBits], _sorted = new ushort[symbols];
        readonly int[] _counts = new int[MaxCodeBits + 1], _starts = new int[MaxCodeBits + 2], _next = new int[MaxCodeBits + 1];

        /// <summary>Makes the code of these lengths; false if they are those of none.</summary>
        public bool Build(ReadOnlySpan<byte> lengths, bool mayBeSingle)
        {
            Array.Clear(_counts);
            foreach (var length in lengths)
                _counts[length]++;
            _counts[0] = 0;
            var (left, longest) = (1, 0);
            for (var bits = 1; bits <= MaxCodeBits; bits++)
            {
                if ((left = (left << 1) - _counts[bits]) < 0)
                    return false;
                longest = _counts[bits] > 0 ? bits : longest;
                _starts[bits + 1] = _starts[bits] + _counts[bits];
                _next[bits] = bits == 1 ? 0 : _next[bits - 1] + _counts[bits - 1] << 1;
            }
            if (left > 0 && !(mayBeSingle && longest <= 1))
                return false;
            Array.Clear(_table);
            Span<int> at = stackalloc int[MaxCodeBits + 2];
            _starts.CopyTo(at);
            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                int length = lengths[symbol];
                if (length == 0)
                    continue;
                _sorted[at[length]++] = (ushort)symbol;
                if (length > tableBits)
                    continue;
                var code = Reversed(_next[length] + at[length] - 1 - _starts[length], length);
                for (; code < _table.Length; code += 1 << length)
                    _table[code] = (ushort)(symbol << 4 | length);
            }
            return true;
        }

        static int Reversed(int code, int length)
        {
            var reversed = 0;
            for (; length > 0; length--, code >>= 1)
                reversed = reversed << 1 | code & 1;
            return reversed;
        }

        /// <summary>The next symbol, and how many bits it takes; negative if there is none.</summary>
        public int Read(ulong hold, out int length)
        {
            var entry = _table[(int)hold & _table.Length - 1];
            if (entry != 0)
            {
                length = entry & 15;
                return entry >> 4;
            }
            var code = 0;
            for (length = 1; length <= MaxCodeBits; length++, hold >>= 1)
            {
                code = code << 1 | (int)(hold & 1);
                if (code - _next[length] is >= 0 and var index && index < _counts[length])
                    return _sorted[_starts[length] + index];
            }
            return -1;
        }
    }

    readonly Code _literals = new(288, LiteralBits), _distances = new(32, DistanceBits), _lengths = new(19, DistanceBits);
    readonly byte[] _codeLengths = new byte[320];
    bool _isFixed;

    /// <summary>Where compressed bytes come from. The first 8 bytes that were taken last can be put back.</summary>
    public interface ISource
    {
        /// <summary>What is there, at least one byte.</summary>
        ReadOnlySpan<byte> Rest { get; }

        /// <summary>Moves on, or back.</summary>
        void Move(int bytes);
    }

    ulong _hold;
    int _bits;

    /// <summary>Unpacks a stream, which must have exactly the length of <paramref name="to"/>.</summary>
    /// <exception cref="PackException">It is damaged, or of another length.</exception>
    public void Run<TSource>(TSource from, Span<byte> to) where TSource : ISource
    {
        (_hold, _bits) = (0, 0);
        Need(from);
        var header = Take(16);
        if ((header & 0x0f) != 8 || (header >> 4 & 15) > 7 || ((header & 0xff) << 8 | header >> 8) % 31 != 0)
            throw Damaged("its header is none of zlib's");
        if ((header & 0x2000) != 0)
            throw Damaged("it needs a dictionary");
        var (at, isLast) = (0, false);
        while (!isLast)
        {
            Need(from);
            isLast = Take(1) == 1;
            switch (Take(2))
            {
                case 0: at = Stored(from, to, at); break;
                case 1:
                    BuildFixed();
                    at = Block(from, to, at);
                    break;
                case 2:
                    BuildDynamic(from);
                    at = Block(from, to, at);
                    break;
                default: throw Damaged("a block's type is unknown");
            }
        }
        if (at != to.Length)
            throw new PackException($"an object has {at} bytes instead of the {to.Length} that it says");
        Align();
        Need(from);
        var said = BinaryPrimitives.ReverseEndianness((uint)Take(32));
        if (said != Adler(to))
            throw Damaged("its checksum is wrong");
        PutBack(from);
    }

    static PackException Damaged(string how) => new($"an object's compression is damaged ({how})");

    /// <summary>At least 56 bits.</summary>
    void Need<TSource>(TSource from) where TSource : ISource
    {
        while (_bits < 56)
        {
            var rest = from.Rest;
            if (rest.Length >= 8)
            {
                _hold |= BinaryPrimitives.ReadUInt64LittleEndian(rest) << _bits;
                from.Move(63 - _bits >> 3);
                _bits |= 56;
                return;
            }
            _hold |= (ulong)rest[0] << _bits;
            _bits += 8;
            from.Move(1);
        }
    }

    int Peek(int bits) => (int)(_hold & (1UL << bits) - 1);

    void Drop(int bits)
    {
        _hold >>= bits;
        _bits -= bits;
    }

    int Take(int bits)
    {
        var taken = Peek(bits);
        Drop(bits);
        return taken;
    }

    void Align() => Drop(_bits & 7);

    void PutBack<TSource>(TSource from) where TSource : ISource
    {
        from.Move(-(_bits >> 3));
        (_hold, _bits) = (0, 0);
    }

    int Stored<TSource>(TSource from, Span<byte> to, int at) where TSource : ISource
    {
        Align();
        Need(from);
        var (length, inverse) = (Take(16), Take(16));
        if (length != (~inverse & 0xffff))
            throw Damaged("a block's length is wrong");
        PutBack(from);
        if (length > to.Length - at)
            throw TooLong(to);
        while (length > 0)
        {
            var rest = from.Rest;
            var some = Math.Min(length, rest.Length);
            rest[..some].CopyTo(to[at..]);
            from.Move(some);
            (at, length) = (at + some, length - some);
        }
        return at;
    }

    static PackException TooLong(Span<byte> to) => new($"an object is longer than the {to.Length} bytes that it says");

    void BuildFixed()
    {
        if (_isFixed)
            return;
        var lengths = _codeLengths.AsSpan(0, 288);
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..].Fill(8);
        _literals.Build(lengths, false);
        lengths = lengths[..32];
        lengths.Fill(5);
        _distances.Build(lengths, false);
        _isFixed = true;
    }

    void BuildDynamic<TSource>(TSource from) where TSource : ISource
    {
        _isFixed = false;
        Need(from);
        var (literals, distances, codes) = (Take(5) + 257, Take(5) + 1, Take(4) + 4);
        if (literals > 286 || distances > 30)
            throw Damaged("a block has too many codes");
        var lengths = _codeLengths.AsSpan();
        lengths[..19].Clear();
        for (var i = 0; i < codes; i++)
        {
            Need(from);
            lengths[CodeOrder[i]] = (byte)Take(3);
        }
        if (!_lengths.Build(lengths[..19], false))
            throw Damaged("its codes are those of none");
        for (var i = 0; i < literals + distances;)
        {
            Need(from);
            var symbol = _lengths.Read(_hold, out var bits);
            if (symbol < 0)
                throw Damaged("a code is unknown");
            Drop(bits);
            if (symbol < 16)
            {
                lengths[i++] = (byte)symbol;
                continue;
            }
            if (symbol == 16 && i == 0)
                throw Damaged("a length is repeated before the first");
            var (value, count) = symbol switch
            {
                16 => (lengths[i - 1], 3 + Take(2)),
                17 => ((byte)0, 3 + Take(3)),
                _ => ((byte)0, 11 + Take(7))
            };
            if (count > literals + distances - i)
                throw Damaged("a length is repeated too often");
            lengths.Slice(i, count).Fill(value);
            i += count;
        }
        if (lengths[EndOfBlock] == 0 || !_literals.Build(lengths[..literals], true)
            || !_distances.Build(lengths.Slice(literals, distances), true))
            throw Damaged("its codes are those of none");
    }

    int Block<TSource>(TSource from, Span<byte> to, int at) where TSource : ISource
    {
        while (true)
        {
            Need(from);   // 56 bits: a length and a distance with all that belongs to them take 48
            var symbol = _literals.Read(_hold, out var bits);
            if (symbol < 0)
                throw Damaged("a code is unknown");
            Drop(bits);
            if (symbol < EndOfBlock)
            {
                if (at == to.Length)
                    throw TooLong(to);
                to[at++] = (byte)symbol;
                continue;
            }
            if (symbol == EndOfBlock)
                return at;
            if ((symbol -= 257) >= LengthBase.Length)
                throw Damaged("a length is unknown");
            var length = LengthBase[symbol] + Take(LengthExtra[symbol]);
            var code = _distances.Read(_hold, out bits);
            if (code < 0 || code >= DistanceBase.Length)
                throw Damaged("a distance is unknown");
            Drop(bits);
            var distance = DistanceBase[code] + Take(DistanceExtra[code]);
            if (distance > at)
                throw Damaged("a distance leads before its beginning");
            if (length > to.Length - at)
                throw TooLong(to);
            if (distance >= length)
                to.Slice(at - distance, length).CopyTo(to[at..]);
            else
                for (var i = 0; i < length; i++)
                    to[at + i] = to[at + i - distance];
            at += length;
        }
    }

    static uint Adler(ReadOnlySpan<byte> bytes)
    {
        const uint Modulus = 65521;
        const int Most = 5552;   // bytes until the sum could overflow
        var (a, b) = (1u, 0u);
        for (; bytes.Length > 0; bytes = bytes[Math.Min(Most, bytes.Length)..])
        {
            foreach (var one in bytes[..Math.Min(Most, bytes.Length)])
            {
                a += one;
                b += a;
            }
            (a, b) = (a % Modulus, b % Modulus);
        }
        return b << 16 | a;
    }
}
