using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Code that reads one weight format from a panel: the scales of a block (<see cref="RegisterPlan.Scale"/> and what belongs to it), and its
/// quants, vector by vector, into <see cref="RegisterPlan.Weights"/>. <see cref="Scales"/> and <see cref="Quants"/> point at what is read
/// next. A step is what is unrolled: one block, or two whose scales lie together.
/// </summary>
internal abstract class PanelReader(Vectors vectors)
{
    public static AssemblerRegister64 Scales => rsi;

    public static AssemblerRegister64 Quants => rdi;

    protected Vectors Vectors => vectors;

    protected RegisterPlan Registers => vectors.Registers;

    public abstract int StepsPerGroup { get; }

    public virtual int BlocksPerStep => 1;

    /// <summary>Bytes of scales before the first step's, and of a step.</summary>
    public virtual int HeaderBytes => 0;

    public abstract int StepScaleBytes { get; }

    public abstract int BlockBytes { get; }

    /// <summary>Whether unpacking a block takes about as long as reading it from memory, or longer.</summary>
    public virtual bool IsSlow => false;

    /// <summary>What all blocks of a group share.</summary>
    public virtual void BeginGroup()
    {
    }

    /// <summary>The scales of a part of a step's block.</summary>
    public abstract void ReadScales(int block, int part);

    /// <summary>
    /// Where each 16 columns have a minimum: those of the first and of the last, into <see cref="RegisterPlan.Min"/> and
    /// <see cref="RegisterPlan.LastScale"/>.
    /// </summary>
    public virtual void ReadMins(int part) => throw new NotSupportedException(GetType().Name);

    /// <summary>For formats with an integer scale for each 16 columns: those of one half, in both words of a row.</summary>
    public virtual void ReadNumbers(int to, int half, int part) => throw new NotSupportedException(GetType().Name);

    /// <summary>
    /// Every vector of a block, <paramref name="offset"/> bytes after <see cref="Quants"/>, unsigned; <paramref name="each"/> (number,
    /// part, register).
    /// </summary>
    public abstract void ReadQuants(int offset, Action<int, int, int> each);

    /// <summary>
    /// The loops around <paramref name="block"/>, a block's code, which is given its number in a step; pointers and group scales are kept.
    /// <paramref name="scales"/> is code before as many bytes of scales are read.
    /// </summary>
    public void Repeat(KernelWriter code, AssemblerRegister64 groups, AssemblerRegister64 steps, Action<int> block,
        Action<int>? scales = null)
    {
        code.Repeat(groups, () =>
        {
            scales?.Invoke(HeaderBytes);
            BeginGroup();
            if (HeaderBytes > 0)
                code.A.add(Scales, HeaderBytes);
            if (StepsPerGroup == 1)
                Step();
            else
            {
                code.A.mov(steps, StepsPerGroup);
                code.Repeat(steps, Step);
            }
        });

        void Step()
        {
            scales?.Invoke(StepScaleBytes);
            for (var i = 0; i < BlocksPerStep; i++)
                block(i);
            code.A.add(Quants, BlocksPerStep * BlockBytes);
            code.A.add(Scales, StepScaleBytes);
        }
    }

    /// <summary>
    /// Four bits a weight (<see cref="Nibbles"/>), with more bits from planes after them. They come to lie where a number of
    /// <paramref name="bits"/> has them in the upper bits of a byte: of 8, as they are.
    /// </summary>
    internal class NibbleQuants(Vectors vectors, int bits = 8)
    {
        readonly RegisterPlan _registers = vectors.Registers;

        public virtual int Bytes => Nibbles.Bytes;

        /// <summary>By how much they are shifted.</summary>
        public int Left => 8 - bits;

        /// <summary>Adds the high bits of vector <paramref name="j"/>, a part of which begins at <paramref name="offset"/>.</summary>
        protected virtual void AddHighBits(int offset, int j)
        {
        }

        public void Read(int offset, Action<int, int, int> each)
        {
            var (packed, weights) = (_registers.Packed, _registers.Weights);
            for (var p = 0; p < 4; p++)
                for (var part = 0; part < vectors.Parts; part++)
                {
                    var at = offset + part * vectors.Bytes;
                    vectors.Load(packed, Quants, at + 64 * p);
                    Take(p, Left);
                    Take(p + 4, Left - 4);

                    void Take(int j, int left)
                    {
                        if (left != 0)
                            vectors.Shift(weights, packed, left);
                        vectors.And(weights, left == 0 ? packed : weights, Nibbles.Low << Left);
                        AddHighBits(at, j);
                        each(j, part, weights);
                    }
                }
        }

        /// <summary>weights |= (plane shifted left) &amp; mask.</summary>
        protected void Or(int planeOffset, int left, uint mask)
        {
            vectors.LoadShifted(_registers.Temporary, Quants, planeOffset, left + Left);
            vectors.OrMasked(_registers.Weights, _registers.Temporary, mask << Left);
        }
    }

    internal sealed class FiveBitQuants(Vectors vectors, int bits = 8) : NibbleQuants(vectors, bits)
    {
        public override int Bytes => Nibbles.Bytes + HighBits.Bytes;

        protected override void AddHighBits(int offset, int j) => Or(offset + Nibbles.Bytes, 4 - j, 0x10101010);
    }

    internal sealed class SixBitQuants(Vectors vectors) : NibbleQuants(vectors)
    {
        public override int Bytes => Q6_KPacking.BlockBytes;

        protected override void AddHighBits(int offset, int j) => Or(offset + Nibbles.Bytes + j / 4 * 64, 4 - j % 4 * 2, 0x30303030);
    }

    /// <summary>Q4_0, Q5_0: signed weights in the upper bits of bytes, made unsigned: the same bits as in the file, from 128 on.</summary>
    internal sealed class SignedReader(Vectors vectors, NibbleQuants quants) : PanelReader(vectors)
    {
        public override int StepsPerGroup => 1;
        public override int StepScaleBytes => 32;
        public override int BlockBytes => quants.Bytes;

        public override void ReadScales(int block, int part)
        {
            Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);
            Vectors.MultiplyByConstant(Registers.Scale, Registers.Scale, 1f / (1 << quants.Left));
        }

        public override void ReadQuants(int offset, Action<int, int, int> each) => quants.Read(offset, each);
    }

    internal sealed class Q8Reader(Vectors vectors) : PanelReader(vectors)
    {
        public override int StepsPerGroup => 1;
        public override int StepScaleBytes => 32;
        public override int BlockBytes => 512;

        public override void ReadScales(int block, int part) => Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);

        public override void ReadQuants(int offset, Action<int, int, int> each)
        {
            var (signs, weights) = (Registers.Packed, Registers.Weights);
            Vectors.LoadConstant(signs, 0x80808080);
            for (var j = 0; j < 8; j++)
                for (var part = 0; part < Vectors.Parts; part++)
                {
                    Vectors.XorLoaded(weights, signs, Quants, offset + 64 * j + part * Vectors.Bytes);
                    each(j, part, weights);
                }
        }
    }

    /// <summary>Q4_1, Q5_1: a scale and a minimum, both F16.</summary>
    internal sealed class MinReader(Vectors vectors, NibbleQuants quants) : PanelReader(vectors)
    {
        public override int StepsPerGroup => 1;
        public override int StepScaleBytes => 64;
        public override int BlockBytes => quants.Bytes;

        public override void ReadScales(int block, int part)
        {
            Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);
            Vectors.LoadHalves(Registers.Min, Scales, 32 + part * Vectors.Bytes / 2);
        }

        public override void ReadQuants(int offset, Action<int, int, int> each) => quants.Read(offset, each);
    }

    /// <summary>Q4_K, Q5_K: see <see cref="KScales"/>.</summary>
    internal sealed class KReader(Vectors vectors, NibbleQuants quants) : PanelReader(vectors)
    {
        public override int StepsPerGroup => 4;
        public override int BlocksPerStep => 2;
        public override int HeaderBytes => KScales.Pairs;
        public override int StepScaleBytes => KScales.PairBytes;
        public override int BlockBytes => quants.Bytes;

        public override void BeginGroup()
        {
            for (var part = 0; part < Vectors.Parts; part++)
            {
                var (scale, min) = (Registers.GroupScale + part, Registers.GroupMin + part);
                Vectors.LoadHalves(scale, Scales, part * Vectors.Bytes / 2);
                Vectors.LoadHalves(min, Scales, 32 + part * Vectors.Bytes / 2);
                Vectors.Xor(min, min, 0x80000000);
            }
        }

        public override void ReadScales(int block, int part)
        {
            var (scale, min, high) = (Registers.Scale, Registers.Min, Registers.LastScale);
            Vectors.LoadBytes(min, Scales, 16 * block + part * Vectors.Bytes / 4, signed: false);
            Vectors.LoadBytes(high, Scales, 32 + part * Vectors.Bytes / 4, signed: false);
            Vectors.And(scale, min, 63);
            Vectors.Shift(min, min, -6);
            Vectors.Shift(high, high, block == 0 ? 2 : -2);
            Vectors.OrMasked(min, high, 60);
            Vectors.ToFloats(scale);
            Vectors.ToFloats(min);
            Vectors.Multiply(scale, scale, Registers.GroupScale + part);
            Vectors.Multiply(min, min, Registers.GroupMin + part);
        }

        public override void ReadQuants(int offset, Action<int, int, int> each) => quants.Read(offset, each);
    }

    /// <summary>See <see cref="Q6_KPacking"/>.</summary>
    internal sealed class Q6KReader(Vectors vectors) : PanelReader(vectors)
    {
        readonly SixBitQuants _quants = new(vectors);

        public override int StepsPerGroup => 8;
        public override int HeaderBytes => Q6_KPacking.HalfScales;
        public override int StepScaleBytes => 32;
        public override int BlockBytes => _quants.Bytes;

        public override void BeginGroup()
        {
            for (var part = 0; part < Vectors.Parts; part++)
                Vectors.LoadHalves(Registers.GroupScale + part, Scales, part * Vectors.Bytes / 2);
        }

        public override void ReadScales(int block, int part)
        {
            Vectors.Move(Registers.Scale, Registers.GroupScale + part);
            Vectors.LoadBytes(Registers.Min, Scales, part * Vectors.Bytes / 4, signed: true);
            Vectors.LoadBytes(Registers.LastScale, Scales, 16 + part * Vectors.Bytes / 4, signed: true);
            Vectors.ToFloats(Registers.Min);
            Vectors.ToFloats(Registers.LastScale);
        }

        public override void ReadQuants(int offset, Action<int, int, int> each) => _quants.Read(offset, each);
    }
}
