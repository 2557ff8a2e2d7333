using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// 256 bits: rows 0…7 and 8…15 in two vectors that share a broadcast of activations. Only what VEX can say, with 16 registers;
/// <paramref name="form"/> decides the encoding of <c>vpdpbusd</c> and <c>vpdpwssd</c> alone, which processors have in VEX, in EVEX, or in
/// both.
/// </summary>
internal sealed class YmmVectors(KernelWriter code, VectorForm form) : Vectors(code)
{
    public override int Parts => 2;
    public override bool KeepsTotals => false;
    public override int Count => 16;
    public override int TileRegisters => 12;
    public override int PanelRegisters => 8;

    // Scales are read when all products of a block are in their sums: weights and activations are then free.
    public override RegisterPlan Registers { get; } =
        new(Scale: 12, Min: 13, LastScale: 14, Temporary: 15, Weights: 12, Packed: 13, Activation: 14, GroupScale: 8, GroupMin: 10);

    static AssemblerRegisterYMM Ymm(int index) => new(Register.YMM0 + index);

    static AssemblerMemoryOperand At(AssemblerRegister64 at, int offset) => __ymmword_ptr[at + offset];

    public override void Zero(int to) => A.vpxor(Ymm(to), Ymm(to), Ymm(to));
    public override void Move(int to, int from) => A.vmovaps(Ymm(to), Ymm(from));
    public override void Load(int to, AssemblerRegister64 at, int offset) => A.vmovdqu(Ymm(to), At(at, offset));
    public override void Store(AssemblerRegister64 at, int offset, int from) => A.vmovdqu(At(at, offset), Ymm(from));
    public override void LoadHalves(int to, AssemblerRegister64 at, int offset) => A.vcvtph2ps(Ymm(to), __xmmword_ptr[at + offset]);

    public override void LoadBytes(int to, AssemblerRegister64 at, int offset, bool signed)
    {
        if (signed)
            A.vpmovsxbd(Ymm(to), __qword_ptr[at + offset]);
        else
            A.vpmovzxbd(Ymm(to), __qword_ptr[at + offset]);
    }

    public override void LoadTable(int to, ReadOnlySpan<byte> table) => A.vbroadcasti128(Ymm(to), Code.Table(table));
    public override void LookUp(int to, int table, int codes) => A.vpshufb(Ymm(to), Ymm(table), Ymm(codes));
    public override void LoadConstant(int to, uint value) => A.vpbroadcastd(Ymm(to), Code.ConstantDword(value));

    public override void LoadShifted(int to, AssemblerRegister64 at, int offset, int left)
    {
        Load(to, at, offset);
        if (left != 0)
            Shift(to, to, left);
    }

    public override void And(int to, int from, uint constant) => A.vpand(Ymm(to), Ymm(from), Code.ConstantYmm(constant));
    public override void Xor(int to, int from, uint constant) => A.vpxor(Ymm(to), Ymm(from), Code.ConstantYmm(constant));
    public override void XorLoaded(int to, int from, AssemblerRegister64 at, int offset) => A.vpxor(Ymm(to), Ymm(from), At(at, offset));

    public override void OrMasked(int to, int bits, uint mask)
    {
        And(bits, bits, mask);
        A.vpor(Ymm(to), Ymm(to), Ymm(bits));
    }

    public override void Shift(int to, int from, int left)
    {
        if (left >= 0)
            A.vpslld(Ymm(to), Ymm(from), (byte)left);
        else
            A.vpsrld(Ymm(to), Ymm(from), (byte)-left);
    }

    public override void AddIntegers(int to, int a) => A.vpaddd(Ymm(to), Ymm(to), Ymm(a));
    public override void ToFloats(int register) => A.vcvtdq2ps(Ymm(register), Ymm(register));
    public override void Multiply(int to, int a, int b) => A.vmulps(Ymm(to), Ymm(a), Ymm(b));
    public override void MultiplyWords(int to, int a, int b) => A.vpmullw(Ymm(to), Ymm(a), Ymm(b));
    public override void MultiplyLoaded(int to, int a, AssemblerRegister64 at, int offset) => A.vmulps(Ymm(to), Ymm(a), At(at, offset));
    public override void MultiplyByConstant(int to, int from, float value) =>
        A.vmulps(Ymm(to), Ymm(from), Code.ConstantYmm(BitConverter.SingleToUInt32Bits(value)));
    public override void MultiplyAdd(int to, int a, int b) => A.vfmadd231ps(Ymm(to), Ymm(a), Ymm(b));
    public override void MultiplyAddConstant(int to, int a, float value) =>
        A.vfmadd231ps(Ymm(to), Ymm(a), Code.ConstantYmm(BitConverter.SingleToUInt32Bits(value)));
    public override void MultiplyAddLoaded(int to, int factor, AssemblerRegister64 at, int offset) =>
        A.vfmadd213ps(Ymm(to), Ymm(factor), At(at, offset));
    public override void LoadEach(int to, AssemblerRegister64 at, int offset) => A.vpbroadcastd(Ymm(to), __dword_ptr[at + offset]);
    public override void LoadEach(int to, ActivationRows rows, int token, int offset) => A.vpbroadcastd(Ymm(to), rows.Dword(token, offset));

    public override void MultiplyEach(int to, int a, ActivationRows rows, int token, int offset)
    {
        A.vbroadcastss(Ymm(to), rows.Dword(token, offset));
        A.vmulps(Ymm(to), Ymm(to), Ymm(a));
    }

    public override void MultiplyAddEach(int to, int a, ActivationRows rows, int token, int offset)
    {
        A.vbroadcastss(Ymm(Registers.Temporary), rows.Dword(token, offset));
        A.vfmadd231ps(Ymm(to), Ymm(a), Ymm(Registers.Temporary));
    }

    public override void AddDots(int sums, int weights, ActivationRows rows, int token, int offset)
    {
        LoadEach(Registers.Activation, rows, token, offset);
        for (var part = 0; part < Parts; part++)
            AddDot(sums + part, weights + part, Registers.Activation);
    }

    public override void AddDot(int sum, int weights, int activations)
    {
        if (form == VectorForm.Ymm)
            A.vex.vpdpbusd(Ymm(sum), Ymm(weights), Ymm(activations));
        else
            A.evex.vpdpbusd(Ymm(sum), Ymm(weights), Ymm(activations));
    }

    public override void MultiplyWordPairs(int to, int a, int b) => A.vpmaddwd(Ymm(to), Ymm(a), Ymm(b));

    public override void AddWordDot(int sum, int a, int b)
    {
        if (form == VectorForm.Ymm)
            A.vex.vpdpwssd(Ymm(sum), Ymm(a), Ymm(b));
        else
            A.evex.vpdpwssd(Ymm(sum), Ymm(a), Ymm(b));
    }
}
