using Banyan.Runtime.Kernels.Packing;
using Iced.Intel;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Code that reads one weight format from a panel: the scales of a block into <see cref="BlockProduct.Scale"/> and <see cref="BlockProduct.Min"/> (or the
/// scales of its halves), and its quants, vector by vector, into <see cref="BlockProduct.Weights"/>. <see cref="Scales"/> and <see cref="Quants"/> point at
/// what is read next. A step is what is unrolled: one block, or two whose scales lie together.
/// </summary>
internal abstract class PanelReader(KernelWriter code)
{
    public static AssemblerRegister64 Scales => rsi;

    public static AssemblerRegister64 Quants => rdi;

    /// <summary>Registers that keep a group's scales, and one for what is unpacked.</summary>
    protected const int GroupScale = 24, GroupMin = 25, Packed = 26, Spare = 27;

    protected KernelWriter Code => code;

    protected Assembler A => code.A;

    public abstract int StepsPerGroup { get; }

    public virtual int BlocksPerStep => 1;

    /// <summary>Bytes of scales before the first step's, and of a step.</summary>
    public abstract int HeaderBytes { get; }

    public virtual int StepScaleBytes => 0;

    public abstract int BlockBytes { get; }

    public abstract void BeginGroup();

    /// <summary>The scales of a step's block.</summary>
    public virtual void ReadScales(int block)
    {
    }

    /// <summary>Every vector of a block, <paramref name="offset"/> bytes after <see cref="Quants"/>, unsigned; <paramref name="each"/> (number, register).</summary>
    public abstract void ReadQuants(int offset, Action<int, AssemblerRegisterZMM> each);

    public static PanelReader For(KernelWriter code, PackedFormat format) => format.Format.Name switch
    {
        "Q4_0" => new OffsetReader(code, 8, new NibbleQuants(code)),
        "Q5_0" => new OffsetReader(code, 16, new FiveBitQuants(code)),
        "Q8_0" => new Q8Reader(code),
        "Q4_K" => new KReader(code, new NibbleQuants(code)),
        "Q5_K" => new KReader(code, new FiveBitQuants(code)),
        "Q6_K" => new Q6KReader(code),
        var name => throw new NotSupportedException(name),
    };

    protected AssemblerMemoryOperand QuantVector(int offset) => __zmmword_ptr[Quants + offset];

    /// <summary>Four bits a weight (<see cref="Nibbles"/>), with more bits from planes behind them.</summary>
    protected class NibbleQuants(KernelWriter code)
    {
        public virtual int Bytes => Nibbles.Bytes;

        /// <summary>Adds the high bits of vector <paramref name="j"/>.</summary>
        protected virtual void AddHighBits(int offset, int j)
        {
        }

        public void Read(int offset, Action<int, AssemblerRegisterZMM> each)
        {
            var (packed, weights) = (Zmm(Packed), Zmm(BlockProduct.Weights));
            for (var p = 0; p < 4; p++)
            {
                code.A.vmovdqu32(packed, __zmmword_ptr[Quants + offset + 64 * p]);
                code.A.vpandd(weights, packed, code.Constant(Nibbles.Low));
                AddHighBits(offset, p);
                each(p, weights);
                code.A.vpsrld(weights, packed, 4);
                code.A.vpandd(weights, weights, code.Constant(Nibbles.Low));
                AddHighBits(offset, p + 4);
                each(p + 4, weights);
            }
        }

        /// <summary>weights |= (plane shifted left) &amp; mask.</summary>
        protected void Or(int planeOffset, int left, uint mask)
        {
            var bits = Zmm(BlockProduct.Temporary);
            var plane = __zmmword_ptr[Quants + planeOffset];
            if (left > 0)
                code.A.vpslld(bits, plane, (byte)left);
            else if (left < 0)
                code.A.vpsrld(bits, plane, (byte)-left);
            else
                code.A.vmovdqu32(bits, plane);
            code.A.vpternlogd(Zmm(BlockProduct.Weights), bits, code.Constant(mask), 0xF8);
        }
    }

    protected sealed class FiveBitQuants(KernelWriter code) : NibbleQuants(code)
    {
        public override int Bytes => Nibbles.Bytes + HighBits.Bytes;

        protected override void AddHighBits(int offset, int j) => Or(offset + Nibbles.Bytes, 4 - j, 0x10101010);
    }

    protected sealed class SixBitQuants(KernelWriter code) : NibbleQuants(code)
    {
        public override int Bytes => Q6_KPacking.BlockBytes;

        protected override void AddHighBits(int offset, int j) => Or(offset + Nibbles.Bytes + j / 4 * 64, 4 - j % 4 * 2, 0x30303030);
    }

    /// <summary>Q4_0, Q5_0: weight = scale × (value − offset).</summary>
    sealed class OffsetReader(KernelWriter code, float offset, NibbleQuants quants) : PanelReader(code)
    {
        public override int StepsPerGroup => 1;
        public override int HeaderBytes => 32;
        public override int BlockBytes => quants.Bytes;

        public override void BeginGroup()
        {
            A.vcvtph2ps(Zmm(BlockProduct.Scale), __ymmword_ptr[Scales]);
            A.vmulps(Zmm(BlockProduct.Min), Zmm(BlockProduct.Scale), Code.Constant(BitConverter.SingleToUInt32Bits(-offset)));
        }

        public override void ReadQuants(int offset, Action<int, AssemblerRegisterZMM> each) => quants.Read(offset, each);
    }

    sealed class Q8Reader(KernelWriter code) : PanelReader(code)
    {
        public override int StepsPerGroup => 1;
        public override int HeaderBytes => 32;
        public override int BlockBytes => 512;

        public override void BeginGroup() => A.vcvtph2ps(Zmm(BlockProduct.Scale), __ymmword_ptr[Scales]);

        public override void ReadQuants(int offset, Action<int, AssemblerRegisterZMM> each)
        {
            var (signs, weights) = (Zmm(Packed), Zmm(BlockProduct.Weights));
            A.vpbroadcastd(signs, Code.ConstantDword(0x80808080));
            for (var j = 0; j < 8; j++)
            {
                A.vpxord(weights, signs, QuantVector(offset + 64 * j));
                each(j, weights);
            }
        }
    }

    /// <summary>Q4_K, Q5_K: see <see cref="KScales"/>.</summary>
    sealed class KReader(KernelWriter code, NibbleQuants quants) : PanelReader(code)
    {
        public override int StepsPerGroup => 4;
        public override int BlocksPerStep => 2;
        public override int HeaderBytes => KScales.Pairs;
        public override int StepScaleBytes => KScales.PairBytes;
        public override int BlockBytes => quants.Bytes;

        public override void BeginGroup()
        {
            A.vcvtph2ps(Zmm(GroupScale), __ymmword_ptr[Scales]);
            A.vcvtph2ps(Zmm(GroupMin), __ymmword_ptr[Scales + 32]);
            A.vpxord(Zmm(GroupMin), Zmm(GroupMin), Code.Constant(0x80000000));
        }

        public override void ReadScales(int block)
        {
            var (scale, min, high) = (Zmm(BlockProduct.Scale), Zmm(BlockProduct.Min), Zmm(Spare));
            A.vpmovzxbd(min, __xmmword_ptr[Scales + 16 * block]);
            A.vpmovzxbd(high, __xmmword_ptr[Scales + 32]);
            A.vpandd(scale, min, Code.Constant(63));
            A.vpsrld(min, min, 6);
            if (block == 0)
                A.vpslld(high, high, 2);
            else
                A.vpsrld(high, high, 2);
            A.vpternlogd(min, high, Code.Constant(60), 0xF8); // min |= high & 60
            A.vcvtdq2ps(scale, scale);
            A.vcvtdq2ps(min, min);
            A.vmulps(scale, scale, Zmm(GroupScale));
            A.vmulps(min, min, Zmm(GroupMin));
        }

        public override void ReadQuants(int offset, Action<int, AssemblerRegisterZMM> each) => quants.Read(offset, each);
    }

    /// <summary>See <see cref="Q6_KPacking"/>.</summary>
    sealed class Q6KReader(KernelWriter code) : PanelReader(code)
    {
        readonly SixBitQuants _quants = new(code);

        public override int StepsPerGroup => 8;
        public override int HeaderBytes => Q6_KPacking.HalfScales;
        public override int StepScaleBytes => 32;
        public override int BlockBytes => _quants.Bytes;

        public override void BeginGroup() => A.vcvtph2ps(Zmm(BlockProduct.Scale), __ymmword_ptr[Scales]);

        public override void ReadScales(int block)
        {
            A.vpmovsxbd(Zmm(BlockProduct.FirstScale), __xmmword_ptr[Scales]);
            A.vpmovsxbd(Zmm(BlockProduct.LastScale), __xmmword_ptr[Scales + 16]);
            A.vcvtdq2ps(Zmm(BlockProduct.FirstScale), Zmm(BlockProduct.FirstScale));
            A.vcvtdq2ps(Zmm(BlockProduct.LastScale), Zmm(BlockProduct.LastScale));
        }

        public override void ReadQuants(int offset, Action<int, AssemblerRegisterZMM> each) => _quants.Read(offset, each);
    }
}
