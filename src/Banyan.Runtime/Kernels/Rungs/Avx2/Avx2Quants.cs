using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

// The quants of a block of 16 rows × 32 columns: unpacked to bytes, or multiplied on the way by one token's.
internal unsafe partial class Avx2Rung
{
    internal interface IQuants
    {
        static abstract int Bytes { get; }
        static abstract void Unpack(byte* quants, byte* values);

        /// <summary>The sums of products of rows 0…7 and 8…15; <paramref name="w"/> has the half scales.</summary>
        static abstract void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1);
    }

    /// <summary>Four activations, for all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<sbyte> Broadcast(ActivationBlock* x, int j) => Vector256.Create(((int*)x)[j]).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> LowNibbles(Vector256<byte> v) => v & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> HighNibbles(Vector256<byte> v) => (v.AsUInt16() >>> 4).AsByte() & Vector256.Create((byte)15);

    /// <summary>Bit j of every byte as 0 or 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> FifthBit(Vector256<byte> v, int j) =>
        (j <= 4 ? v.AsUInt16() << (4 - j) : v.AsUInt16() >>> (j - 4)).AsByte() & Vector256.Create((byte)16);

    /// <summary>Bits 2·f and 2·f + 1 of every byte as 0, 16, 32 or 48.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> TopBits(Vector256<byte> v, int f) =>
        (f <= 2 ? v.AsUInt16() << (4 - 2 * f) : v.AsUInt16() >>> 2).AsByte() & Vector256.Create((byte)48);

    /// <summary>Half of an offset in each 16 bits: the pairwise multiply with a scale, twice in a row, adds both halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> HalfOffset(int offset) => Vector256.Create((short)(offset >> 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen(Vector256<short> sums) => Avx2.MultiplyAddAdjacent(sums, Vector256<short>.One);

    /// <summary>
    /// Quants from 0 on as the upper bits of signed weights: products of the quants times the step, less what 128 makes too much of them.
    /// </summary>
    internal readonly struct Upper<TQuants, TStep> : IQuants where TQuants : struct, IQuants where TStep : struct, IStep
    {
        public static int Bytes => TQuants.Bytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            TQuants.Unpack(quants, values);
            for (var i = 0; i < UnpackedBlock.Rows * UnpackedBlock.Columns; i += 32)
                ((Vector256.Load(values + i).AsInt16() * TStep.Value).AsByte() ^ Vector256.Create((byte)0x80)).Store(values + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            TQuants.Multiply(quants, x, w, out sum0, out sum1);
            var offset = Vector256.Create(x->Offset128);
            (sum0, sum1) = (sum0 * TStep.Value + offset, sum1 * TStep.Value + offset);
        }
    }

    internal readonly struct Quants4 : IQuants
    {
        public static int Bytes => Nibbles.Bytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            for (var i = 0; i < Nibbles.Bytes; i += 32)
            {
                var v = Vector256.Load(quants + i);
                LowNibbles(v).Store(values + i);
                HighNibbles(v).Store(values + Nibbles.Bytes + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            sum0 = MultiplyHalf(quants, x);
            sum1 = MultiplyHalf(quants + 32, x);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<int> MultiplyHalf(byte* quants, ActivationBlock* x)
        {
            var (low, high) = (Vector256<short>.Zero, Vector256<short>.Zero);
            Step(quants, x, 0, ref low, ref high);
            Step(quants, x, 1, ref low, ref high);
            Step(quants, x, 2, ref low, ref high);
            Step(quants, x, 3, ref low, ref high);
            return Widen(low + high);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(byte* quants, ActivationBlock* x, int p, ref Vector256<short> low, ref Vector256<short> high)
        {
            var v = Vector256.Load(quants + p * 64);
            low += Avx2.MultiplyAddAdjacent(LowNibbles(v), Broadcast(x, p));
            high += Avx2.MultiplyAddAdjacent(HighNibbles(v), Broadcast(x, p + 4));
        }
    }

    internal readonly struct Quants5 : IQuants
    {
        public static int Bytes => Nibbles.Bytes + HighBits.Bytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            for (var half = 0; half < 64; half += 32)
            {
                var bits = Vector256.Load(quants + Nibbles.Bytes + half);
                var q = quants + half;
                var to = values + half;
                Step(q, bits, to, 0);
                Step(q, bits, to, 1);
                Step(q, bits, to, 2);
                Step(q, bits, to, 3);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(byte* quants, Vector256<byte> bits, byte* to, int p)
        {
            var v = Vector256.Load(quants + p * 64);
            (LowNibbles(v) | FifthBit(bits, p)).Store(to + p * 64);
            (HighNibbles(v) | FifthBit(bits, p + 4)).Store(to + p * 64 + Nibbles.Bytes);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            sum0 = MultiplyHalf(quants, x);
            sum1 = MultiplyHalf(quants + 32, x);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<int> MultiplyHalf(byte* quants, ActivationBlock* x)
        {
            var bits = Vector256.Load(quants + Nibbles.Bytes);
            var (low, high) = (Vector256<short>.Zero, Vector256<short>.Zero);
            Step(quants, bits, x, 0, ref low, ref high);
            Step(quants, bits, x, 1, ref low, ref high);
            Step(quants, bits, x, 2, ref low, ref high);
            Step(quants, bits, x, 3, ref low, ref high);
            return Widen(low) + Widen(high);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(byte* quants, Vector256<byte> bits, ActivationBlock* x, int p, ref Vector256<short> low, ref Vector256<short> high)
        {
            var v = Vector256.Load(quants + p * 64);
            low += Avx2.MultiplyAddAdjacent(LowNibbles(v) | FifthBit(bits, p), Broadcast(x, p));
            high += Avx2.MultiplyAddAdjacent(HighNibbles(v) | FifthBit(bits, p + 4), Broadcast(x, p + 4));
        }
    }

    internal readonly struct Quants6 : IQuants
    {
        public static int Bytes => Q6_KPacking.BlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            for (var half = 0; half < 64; half += 32)
            {
                var (top0, top1) = (Vector256.Load(quants + Nibbles.Bytes + half), Vector256.Load(quants + Nibbles.Bytes + 64 + half));
                var q = quants + half;
                var to = values + half;
                Step(q, top0, top1, to, 0);
                Step(q, top0, top1, to, 1);
                Step(q, top0, top1, to, 2);
                Step(q, top0, top1, to, 3);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(byte* quants, Vector256<byte> top0, Vector256<byte> top1, byte* to, int p)
        {
            var v = Vector256.Load(quants + p * 64);
            (LowNibbles(v) | TopBits(top0, p)).Store(to + p * 64);
            (HighNibbles(v) | TopBits(top1, p)).Store(to + p * 64 + Nibbles.Bytes);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            sum0 = MultiplyHalf(quants, x, w->HalfScales);
            sum1 = MultiplyHalf(quants + 32, x, w->HalfScales + 16);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<int> MultiplyHalf(byte* quants, ActivationBlock* x, short* halfScales)
        {
            var (top0, top1) = (Vector256.Load(quants + Nibbles.Bytes), Vector256.Load(quants + Nibbles.Bytes + 64));
            var (first, last) = (Vector256.Load(halfScales), Vector256.Load(halfScales + 32));
            var sum = Avx2.MultiplyAddAdjacent(first, HalfOffset(x->FirstOffset32))
                + Avx2.MultiplyAddAdjacent(last, HalfOffset(x->LastOffset32));
            Step(quants, top0, top1, x, 0, first, last, ref sum);
            Step(quants, top0, top1, x, 2, first, last, ref sum);
            return sum;
        }

        /// <summary>Vectors p, p + 1 of the first half and p + 4, p + 5 of the last.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(byte* quants, Vector256<byte> top0, Vector256<byte> top1, ActivationBlock* x, int p,
            Vector256<short> first, Vector256<short> last,
            ref Vector256<int> sum)
        {
            var (v, u) = (Vector256.Load(quants + p * 64), Vector256.Load(quants + p * 64 + 64));
            var low = Avx2.MultiplyAddAdjacent(LowNibbles(v) | TopBits(top0, p), Broadcast(x, p))
                + Avx2.MultiplyAddAdjacent(LowNibbles(u) | TopBits(top0, p + 1), Broadcast(x, p + 1));
            var high = Avx2.MultiplyAddAdjacent(HighNibbles(v) | TopBits(top1, p), Broadcast(x, p + 4))
                + Avx2.MultiplyAddAdjacent(HighNibbles(u) | TopBits(top1, p + 1), Broadcast(x, p + 5));
            sum += Avx2.MultiplyAddAdjacent(low, first) + Avx2.MultiplyAddAdjacent(high, last);
        }
    }

    internal readonly struct Quants8 : IQuants
    {
        public static int Bytes => 512;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            for (var i = 0; i < 512; i += 32)
                Vector256.Load(quants + i).Store(values + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            (sum0, sum1) = (Vector256<int>.Zero, Vector256<int>.Zero);
            Step((sbyte*)quants, x, 0, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 1, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 2, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 3, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 4, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 5, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 6, ref sum0, ref sum1);
            Step((sbyte*)quants, x, 7, ref sum0, ref sum1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(sbyte* quants, ActivationBlock* x, int j, ref Vector256<int> sum0, ref Vector256<int> sum1)
        {
            var activations = Broadcast(x, j);
            sum0 += MultiplySigned(Vector256.Load(quants + j * 64), activations);
            sum1 += MultiplySigned(Vector256.Load(quants + j * 64 + 32), activations);
        }
    }

    /// <summary>The byte multiply wants one unsigned operand: the weight gives its sign to the activation (never −128).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> MultiplySigned(Vector256<sbyte> weights, Vector256<sbyte> activations) =>
        Widen(Avx2.MultiplyAddAdjacent(Avx2.Abs(weights), Avx2.Sign(activations, weights)));
}
