using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

// The scales of a group, as floats into the blocks they belong to.
internal unsafe partial class Avx2Rung
{
    interface IScales
    {
        static abstract int Bytes { get; }
        static abstract int Blocks { get; }
        static abstract bool HasMins { get; }
        static abstract void Read(byte* scales, UnpackedBlock* blocks);
    }

    interface IConstant
    {
        static abstract float Value { get; }
    }

    readonly struct Eight : IConstant
    {
        public static float Value => 8;
    }

    readonly struct Sixteen : IConstant
    {
        public static float Value => 16;
    }

    readonly struct PlainScales : IScales
    {
        public static int Bytes => 32;
        public static int Blocks => 1;
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            HalfFloats.ToFloat((ushort*)scales).Store(blocks->Scales);
            HalfFloats.ToFloat((ushort*)scales + 8).Store(blocks->Scales + 8);
        }
    }

    /// <summary>weight = scale × (value − offset).</summary>
    readonly struct OffsetScales<TOffset> : IScales where TOffset : struct, IConstant
    {
        public static int Bytes => 32;
        public static int Blocks => 1;
        public static bool HasMins => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            var (low, high) = (HalfFloats.ToFloat((ushort*)scales), HalfFloats.ToFloat((ushort*)scales + 8));
            low.Store(blocks->Scales);
            high.Store(blocks->Scales + 8);
            (low * -TOffset.Value).Store(blocks->Mins);
            (high * -TOffset.Value).Store(blocks->Mins + 8);
        }
    }

    /// <summary>See <see cref="KScales"/>.</summary>
    readonly struct ScalesK : IScales
    {
        public static int Bytes => 256;
        public static int Blocks => 8;
        public static bool HasMins => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            var (six, four) = (Vector256.Create(63), Vector256.Create(15));
            for (var half = 0; half < 16; half += 8)
            {
                var d = HalfFloats.ToFloat((ushort*)scales + half);
                var dmin = -HalfFloats.ToFloat((ushort*)scales + 16 + half);
                for (var pair = 0; pair < 4; pair++)
                {
                    var from = scales + KScales.Pairs + pair * KScales.PairBytes + half;
                    var (even, odd, mins) = (Avx2.ConvertToVector256Int32(from), Avx2.ConvertToVector256Int32(from + 16), Avx2.ConvertToVector256Int32(from + 32));
                    var block = blocks + 2 * pair;
                    (d * Avx.ConvertToVector256Single(even & six)).Store(block->Scales + half);
                    (dmin * Avx.ConvertToVector256Single(even >>> 6 | (mins & four) << 2)).Store(block->Mins + half);
                    block++;
                    (d * Avx.ConvertToVector256Single(odd & six)).Store(block->Scales + half);
                    (dmin * Avx.ConvertToVector256Single(odd >>> 6 | mins >>> 4 << 2)).Store(block->Mins + half);
                }
            }
        }
    }

    /// <summary>See <see cref="Q6_KPacking"/>.</summary>
    readonly struct Scales6K : IScales
    {
        public static int Bytes => 288;
        public static int Blocks => 8;
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            var (d0, d1) = (HalfFloats.ToFloat((ushort*)scales), HalfFloats.ToFloat((ushort*)scales + 8));
            var from = (sbyte*)scales + Q6_KPacking.HalfScales;
            var low = Vector256.Create(0xFFFF);
            for (var b = 0; b < 8; b++, from += 32, blocks++)
            {
                d0.Store(blocks->Scales);
                d1.Store(blocks->Scales + 8);
                for (var i = 0; i < 4; i++)
                {
                    var scale = Avx2.ConvertToVector256Int32(from + 8 * i);
                    (scale & low | scale << 16).AsInt16().Store(blocks->HalfScales + 16 * i);
                }
            }
        }
    }
}
