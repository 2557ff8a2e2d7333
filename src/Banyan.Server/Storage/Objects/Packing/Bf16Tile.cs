using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Banyan.Server.Storage.Objects.Packing;

/// <summary>
/// 4 KiB of BF16 weights in about 70 %: a trained tensor's exponents keep to a few neighbours, so 3 bits say which of seven one is.
/// <code>
/// mode 1 or 2 · highest exponent · u16 escapes      mode 2: the numbers begin at the second byte
/// mode 2 only: the first byte, the last byte
/// sign and mantissa of each number                  8 bits
/// highest exponent − exponent of each number        3 bits: of 32 numbers the low bits (u32), the middle, the high; 7 is an escape
/// exponent of each escape                           8 bits
/// </code>
/// Mode 0 is the bytes as they are. Zeros, denormals, infinities and NaN are exponents like others.
/// </summary>
static class Bf16Tile
{
    /// <summary>Bytes of a whole tile.</summary>
    public const int Length = 4096;

    /// <summary>The most that a tile takes.</summary>
    public const int MaxStored = 1 + Length;

    const byte Raw = 0;
    const int Numbers = Length / 2, Code = 7, PlaneBytes = 3 * sizeof(uint), CodeBytes =
        Numbers / 32 * PlaneBytes, Head = 4, Candidates = 8;

    // Below this a tile is worth the time of its reader: it saves a sixth.
    const int MostEscapes = Length * 5 / 6 - Head - 2 - Numbers - CodeBytes;

    /// <summary>Packs a tile, or stores it as it is.</summary>
    /// <param name="tile">At most <see cref="Length"/> bytes; fewer are stored as they are.</param>
    /// <param name="stored">Receives at most <see cref="MaxStored"/> bytes.</param>
    /// <param name="shift">Where the last tile's numbers began, 0 or 1, tried first.</param>
    /// <returns>How many bytes it takes.</returns>
    public static int Pack(ReadOnlySpan<byte> tile, Span<byte> stored, ref int shift)
    {
        if (tile.Length == Length)
            foreach (var s in (ReadOnlySpan<int>)[shift, 1 - shift])
                if (TryPack(tile, s, stored) is var length and > 0)
                {
                    shift = s;
                    return length;
                }
        stored[0] = Raw;
        tile.CopyTo(stored[1..]);
        return 1 + tile.Length;
    }

    static int TryPack(ReadOnlySpan<byte> tile, int shift, Span<byte> stored)
    {
        Span<byte> exponents = stackalloc byte[Numbers];
        var count = Numbers - shift;
        var at = Head + 2 * shift;
        var rest = stored.Slice(at, Numbers);
        Split(MemoryMarshal.Cast<byte, ushort>(tile.Slice(shift, 2 * count)), exponents, rest);
        if (count < Numbers)
            (exponents[count], rest[count]) = (exponents[count - 1], 0);     // one more, to make eights
        var (top, escapes) = Choose(exponents);
        if (escapes > MostEscapes)
            return 0;
        at += Numbers;
        var codes = stored.Slice(at, CodeBytes);
        at += CodeBytes;
        var written = Encode(exponents, top, codes, stored[at..]);
        stored[0] = (byte)(1 + shift);
        stored[1] = top;
        BinaryPrimitives.WriteUInt16LittleEndian(stored[2..], (ushort)written);
        if (shift == 1)
            (stored[Head], stored[Head + 1]) = (tile[0], tile[^1]);
        return at + written;
    }

    static void Split(ReadOnlySpan<ushort> numbers, Span<byte> exponents, Span<byte> rest)
    {
        var i = 0;
        for (; i + 32 <= numbers.Length; i += 32)
        {
            var (a, b) = (Vector256.Create(numbers[i..]), Vector256.Create(numbers[(i + 16)..]));
            Vector256.Narrow((a >>> 7) & Vector256.Create<ushort>(0xFF), (b >>> 7) & Vector256.Create<ushort>(0xFF)).CopyTo(exponents[i..]);
            Vector256.Narrow(SignAndMantissa(a), SignAndMantissa(b)).CopyTo(rest[i..]);
        }
        for (; i < numbers.Length; i++)
            (exponents[i], rest[i]) = ((byte)(numbers[i] >> 7), (byte)(numbers[i] >> 8 & 0x80 | numbers[i] & 0x7F));

        static Vector256<ushort> SignAndMantissa(Vector256<ushort> numbers) =>
            ((numbers >>> 8) & Vector256.Create<ushort>(0x80)) | (numbers & Vector256.Create<ushort>(0x7F));
    }

    /// <summary>The highest of the seven exponents that most numbers have, near the highest of all.</summary>
    static (byte Top, int Escapes) Choose(ReadOnlySpan<byte> exponents)
    {
        var highest = Vector256<byte>.Zero;
        for (var i = 0; i < Numbers; i += 32)
            highest = Vector256.Max(highest, Vector256.Create(exponents[i..]));
        byte top = 0;
        for (var i = 0; i < 32; i++)
            top = Math.Max(top, highest[i]);
        var (best, most) = (top, 0);
        for (var candidate = (int)top; candidate >= 0 && top - candidate < Candidates; candidate--)
        {
            var inside = Vector256<byte>.Zero;       // at most 64 a lane
            for (var i = 0; i < Numbers; i += 32)
                inside -= Vector256.LessThan(Vector256.Create((byte)candidate) - Vector256.Create(exponents[i..]),
                    Vector256.Create((byte)Code));
            var (low, high) = Vector256.Widen(inside);
            var count = Vector256.Sum(low + high);
            if (count > most)
                (best, most) = ((byte)candidate, count);
            else if (most > Numbers / 2)
                break;
        }
        return (best, Numbers - most);
    }

    static int Encode(ReadOnlySpan<byte> exponents, byte top, Span<byte> packed, Span<byte> escapes)
    {
        var count = 0;
        for (var i = 0; i < Numbers; i += 32)
        {
            var code = Vector256.Min(Vector256.Create(top) - Vector256.Create(exponents[i..]), Vector256.Create((byte)Code));
            // Of each byte's bits the one on top is taken.
            var low = (code.AsUInt16() << 7).AsByte().ExtractMostSignificantBits();
            var middle = (code.AsUInt16() << 6).AsByte().ExtractMostSignificantBits();
            var high = (code.AsUInt16() << 5).AsByte().ExtractMostSignificantBits();
            var planes = packed.Slice(i / 32 * PlaneBytes, PlaneBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(planes, low);
            BinaryPrimitives.WriteUInt32LittleEndian(planes[4..], middle);
            BinaryPrimitives.WriteUInt32LittleEndian(planes[8..], high);
            for (var far = low & middle & high; far != 0; far &= far - 1)
                escapes[count++] = exponents[i + BitOperations.TrailingZeroCount(far)];
        }
        return count;
    }

    /// <summary>How many bytes the stored tile that begins here takes.</summary>
    /// <param name="stored">It, and whatever follows.</param>
    /// <param name="length">Bytes of the tile itself.</param>
    /// <exception cref="InvalidDataException">No tile begins here.</exception>
    public static int StoredLength(ReadOnlySpan<byte> stored, int length)
    {
        if (stored.IsEmpty || stored[0] > 2 || (stored[0] != Raw && (length != Length || stored.Length < Head)))
            throw new InvalidDataException("a packed tile is damaged");
        var taken = stored[0] == Raw ? 1 + length
            : Head + 2 * (stored[0] - 1) + Numbers + CodeBytes + BinaryPrimitives.ReadUInt16LittleEndian(stored[2..]);
        return taken <= stored.Length ? taken : throw new InvalidDataException("a packed tile is cut off");
    }

    /// <summary>Restores a tile.</summary>
    /// <param name="stored">Exactly its bytes.</param>
    /// <param name="tile">Receives its bytes, all of them.</param>
    /// <exception cref="InvalidDataException">The bytes are no tile.</exception>
    public static void Unpack(ReadOnlySpan<byte> stored, Span<byte> tile)
    {
        if (stored[0] == Raw)
        {
            stored[1..].CopyTo(tile);
            return;
        }
        var shift = stored[0] - 1;
        var rest = stored.Slice(Head + 2 * shift, Numbers);
        var codes = stored.Slice(Head + 2 * shift + Numbers, CodeBytes);
        var escapes = stored[(Head + 2 * shift + Numbers + CodeBytes)..];
        var numbers = MemoryMarshal.Cast<byte, ushort>(tile.Slice(shift, Length - 2 * shift));
        var top = Vector256.Create(stored[1]);
        ref var to = ref MemoryMarshal.GetReference(numbers);
        ref var from = ref MemoryMarshal.GetReference(rest);
        ref var plane = ref MemoryMarshal.GetReference(codes);
        for (var i = 0; i < Numbers; i += 32, plane = ref Unsafe.Add(ref plane, PlaneBytes))
        {
            var exponent = top + Ones(ref plane) + (Ones(ref Unsafe.Add(ref plane, 4)) & Vector256.Create<byte>(0xFE))
                + (Ones(ref Unsafe.Add(ref plane, 8)) & Vector256.Create<byte>(0xFC));
            var (e0, e1) = Vector256.Widen(exponent);
            var (r0, r1) = Vector256.Widen(Vector256.LoadUnsafe(ref from, (nuint)i));
            Join(e0, r0).StoreUnsafe(ref to, (nuint)i);
            var second = Join(e1, r1);
            if (i + 32 <= numbers.Length)
                second.StoreUnsafe(ref to, (nuint)i + 16);
            else
                for (var k = 0; k < 15; k++)
                    Unsafe.Add(ref to, i + 16 + k) = second[k];
        }
        // Escapes are few: they are put right afterwards, which keeps the loop above free of guesses.
        var next = 0;
        for (var i = 0; i < Numbers; i += 32)
        {
            var planes = codes.Slice(i / 32 * PlaneBytes, PlaneBytes);
            var far = BinaryPrimitives.ReadUInt32LittleEndian(planes) & BinaryPrimitives.ReadUInt32LittleEndian(planes[4..])
                & BinaryPrimitives.ReadUInt32LittleEndian(planes[8..]);
            for (; far != 0; far &= far - 1)
            {
                var number = i + BitOperations.TrailingZeroCount(far);
                if (next == escapes.Length)
                    throw new InvalidDataException("a packed tile lacks an exponent");
                if (number < numbers.Length)
                    numbers[number] = (ushort)((rest[number] & 0x80) << 8 | escapes[next] << 7 | rest[number] & 0x7F);
                next++;
            }
        }
        if (next < escapes.Length)
            throw new InvalidDataException("a packed tile has exponents left over");
        if (shift == 1)
            (tile[0], tile[^1]) = (stored[Head], stored[Head + 1]);
    }

    /// <summary>A byte of ones for each bit that is set, of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> Ones(ref byte plane)
    {
        var bits = Vector256.Create(0x8040201008040201).AsByte();
        var each = Vector256.Shuffle(
            Vector256.Create(Unsafe.ReadUnaligned<uint>(ref plane)).AsByte(),
            Vector256.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19,
                19, 19, 19, 19, 19, 19));
        return Vector256.Equals(each & bits, bits);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<ushort> Join(Vector256<ushort> exponents, Vector256<ushort> rest) =>
        ((rest & Vector256.Create<ushort>(0x80)) << 8) | (exponents << 7) | (rest & Vector256.Create<ushort>(0x7F));
}
