using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>512 bits: all 16 rows in one vector, activations broadcast by the instruction that multiplies them.</summary>
internal sealed class ZmmVectors(KernelWriter code) : Vectors(code)
{
    public override int Parts => 1;
    public override bool KeepsTotals => true;
    public override int Count => 32;
    public override int TileRegisters => 24;
    public override int PanelRegisters => 24;
    public override RegisterPlan Registers { get; } =
        new(Scale: 31, Min: 30, LastScale: 27, Temporary: 29, Weights: 28, Packed: 26, Activation: 29, GroupScale: 24, GroupMin: 25);

    static AssemblerMemoryOperand At(AssemblerRegister64 at, int offset) => __zmmword_ptr[at + offset];

    public override void Zero(int to) => A.vpxord(Zmm(to), Zmm(to), Zmm(to));
    public override void Move(int to, int from) => A.vmovaps(Zmm(to), Zmm(from));
    public override void Load(int to, AssemblerRegister64 at, int offset) => A.vmovdqu32(Zmm(to), At(at, offset));
    public override void Store(AssemblerRegister64 at, int offset, int from) => A.vmovdqu32(At(at, offset), Zmm(from));
    public override void LoadHalves(int to, AssemblerRegister64 at, int offset) => A.vcvtph2ps(Zmm(to), __ymmword_ptr[at + offset]);

    public override void LoadBytes(int to, AssemblerRegister64 at, int offset, bool signed)
    {
        if (signed)
            A.vpmovsxbd(Zmm(to), __xmmword_ptr[at + offset]);
        else
            A.vpmovzxbd(Zmm(to), __xmmword_ptr[at + offset]);
    }

    public override void LoadTable(int to, ReadOnlySpan<byte> table) => A.vbroadcasti32x4(Zmm(to), Code.Table(table));
    public override void LookUp(int to, int table, int codes) => A.vpshufb(Zmm(to), Zmm(table), Zmm(codes));
    public override void LoadConstant(int to, uint value) => A.vpbroadcastd(Zmm(to), Code.ConstantDword(value));

    public override void LoadShifted(int to, AssemblerRegister64 at, int offset, int left)
    {
        if (left > 0)
            A.vpslld(Zmm(to), At(at, offset), (byte)left);
        else if (left < 0)
            A.vpsrld(Zmm(to), At(at, offset), (byte)-left);
        else
            Load(to, at, offset);
    }

    public override void And(int to, int from, uint constant) => A.vpandd(Zmm(to), Zmm(from), Code.Constant(constant));
    public override void Xor(int to, int from, uint constant) => A.vpxord(Zmm(to), Zmm(from), Code.Constant(constant));
    public override void XorLoaded(int to, int from, AssemblerRegister64 at, int offset) => A.vpxord(Zmm(to), Zmm(from), At(at, offset));
    public override void OrMasked(int to, int bits, uint mask) => A.vpternlogd(Zmm(to), Zmm(bits), Code.Constant(mask), 0xF8);

    public override void Shift(int to, int from, int left)
    {
        if (left >= 0)
            A.vpslld(Zmm(to), Zmm(from), (byte)left);
        else
            A.vpsrld(Zmm(to), Zmm(from), (byte)-left);
    }

    public override void AddIntegers(int to, int a) => A.vpaddd(Zmm(to), Zmm(to), Zmm(a));
    public override void ToFloats(int register) => A.vcvtdq2ps(Zmm(register), Zmm(register));
    public override void Multiply(int to, int a, int b) => A.vmulps(Zmm(to), Zmm(a), Zmm(b));
    public override void MultiplyWords(int to, int a, int b) => A.vpmullw(Zmm(to), Zmm(a), Zmm(b));
    public override void MultiplyLoaded(int to, int a, AssemblerRegister64 at, int offset) => A.vmulps(Zmm(to), Zmm(a), At(at, offset));
    public override void MultiplyByConstant(int to, int from, float value) =>
        A.vmulps(Zmm(to), Zmm(from), Code.Constant(BitConverter.SingleToUInt32Bits(value)));
    public override void MultiplyAdd(int to, int a, int b) => A.vfmadd231ps(Zmm(to), Zmm(a), Zmm(b));
    public override void MultiplyAddConstant(int to, int a, float value) =>
        A.vfmadd231ps(Zmm(to), Zmm(a), Code.Constant(BitConverter.SingleToUInt32Bits(value)));
    public override void MultiplyAddLoaded(int to, int factor, AssemblerRegister64 at, int offset) =>
        A.vfmadd213ps(Zmm(to), Zmm(factor), At(at, offset));
    public override void LoadEach(int to, AssemblerRegister64 at, int offset) => A.vpbroadcastd(Zmm(to), __dword_ptr[at + offset]);
    public override void LoadEach(int to, ActivationRows rows, int token, int offset) => A.vpbroadcastd(Zmm(to), rows.Dword(token, offset));
    public override void MultiplyEach(int to, int a, ActivationRows rows, int token, int offset) =>
        A.vmulps(Zmm(to), Zmm(a), rows.Broadcast(token, offset));
    public override void MultiplyAddEach(int to, int a, ActivationRows rows, int token, int offset) =>
        A.vfmadd231ps(Zmm(to), Zmm(a), rows.Broadcast(token, offset));
    public override void AddDots(int sums, int weights, ActivationRows rows, int token, int offset) =>
        A.vpdpbusd(Zmm(sums), Zmm(weights), rows.Broadcast(token, offset));
    public override void AddDot(int sum, int weights, int activations) => A.vpdpbusd(Zmm(sum), Zmm(weights), Zmm(activations));
    public override void MultiplyWordPairs(int to, int a, int b) => A.vpmaddwd(Zmm(to), Zmm(a), Zmm(b));
    public override void AddWordDot(int sum, int a, int b) => A.vpdpwssd(Zmm(sum), Zmm(a), Zmm(b));
}
