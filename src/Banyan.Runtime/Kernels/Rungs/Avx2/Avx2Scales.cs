using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

// The scales of a group, as floats into the blocks they belong to.
internal unsafe partial class Avx2Rung
{
    internal interface IScales
    {
        static abstract int Bytes { get; }
        static abstract int Blocks { get; }
        static abstract bool HasMins { get; }
        static abstract void Read(byte* scales, UnpackedBlock* blocks);
    }

    /// <summary>What one more or less of a quant is in an unpacked weight.</summary>
    internal interface IStep
    {
        static abstract short Value { get; }
        static abstract bool HasMins { get; }
    }

    /// <summary>U4, U5: quants are weights, and there is a minimum.</summary>
    internal readonly struct One : IStep
    {
        public static short Value => 1;
        public static bool HasMins => true;
    }

    /// <summary>I5: quants are the upper bits of a signed weight.</summary>
    internal readonly struct Eight : IStep
    {
        public static short Value => 8;
        public static bool HasMins => false;
    }

    /// <summary>I4.</summary>
    internal readonly struct Sixteen : IStep
    {
        public static short Value => 16;
        public static bool HasMins => false;
    }

    internal readonly struct PlainScales : IScales
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

    /// <summary>Of weights in the upper bits of bytes.</summary>
    internal readonly struct StepScales<TStep> : IScales where TStep : struct, IStep
    {
        public static int Bytes => 32;
        public static int Blocks => 1;
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            (HalfFloats.ToFloat((ushort*)scales) * (1f / TStep.Value)).Store(blocks->Scales);
            (HalfFloats.ToFloat((ushort*)scales + 8) * (1f / TStep.Value)).Store(blocks->Scales + 8);
        }
    }

    /// <summary>See <see cref="KScales"/>.</summary>
    internal readonly struct ScalesK : IScales
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
                    var (even, odd, mins) = (Avx2.ConvertToVector256Int32(from), Avx2.ConvertToVector256Int32(from + 16),
                        Avx2.ConvertToVector256Int32(from + 32));
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
    internal readonly struct Scales6K : IScales
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
