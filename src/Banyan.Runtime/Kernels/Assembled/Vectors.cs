using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>Which registers hold what besides sums and totals; of what has several parts, that of the first.</summary>
/// <param name="Scale">A block's scales.</param>
/// <param name="Min">A block's minimums; of U6 the scales of the first 16 columns, as floats; of numbers and minimums these numbers.</param>
/// <param name="LastScale">U6, numbers and minimums: as Min, of the last 16 columns; else free while scales are read.</param>
/// <param name="Temporary">Whatever lasts for an instruction or two.</param>
/// <param name="Weights">What is multiplied.</param>
/// <param name="Packed">What weights are unpacked from.</param>
/// <param name="Activation">Activations for all rows, where no instruction takes them from memory.</param>
/// <param name="GroupScale">A group's scales, kept from block to block.</param>
/// <param name="GroupMin">A group's minimums.</param>
internal sealed record RegisterPlan(int Scale, int Min, int LastScale, int Temporary, int Weights, int Packed, int Activation,
    int GroupScale, int GroupMin);

/// <summary>
/// What the kernels do with vectors of one width; a register is a number. 16 rows are <see cref="Parts"/> vectors of 32 bits a row. The
/// descriptions of the kernels are written in these words and know no width.
/// </summary>
internal abstract class Vectors(KernelWriter code)
{
    public static Vectors For(KernelWriter code, VectorForm form) =>
        form == VectorForm.Zmm ? new ZmmVectors(code) : new YmmVectors(code, form);

    protected KernelWriter Code => code;

    protected Assembler A => code.A;

    /// <summary>How many vectors 16 rows take.</summary>
    public abstract int Parts { get; }

    /// <summary>Bytes of a vector.</summary>
    public int Bytes => 64 / Parts;

    /// <summary>
    /// Whether there are registers enough to keep float totals in; else they stay in the first-level cache and are touched once a block.
    /// </summary>
    public abstract bool KeepsTotals { get; }

    /// <summary>How many registers there are.</summary>
    public abstract int Count { get; }

    /// <summary>
    /// Registers for sums: those that the plan leaves in a tile, and those that it leaves where weights are unpacked on the way.
    /// </summary>
    public abstract int TileRegisters { get; }

    public abstract int PanelRegisters { get; }

    public abstract RegisterPlan Registers { get; }

    public abstract void Zero(int to);

    public abstract void Move(int to, int from);

    public abstract void Load(int to, AssemblerRegister64 at, int offset);

    public abstract void Store(AssemblerRegister64 at, int offset, int from);

    /// <summary>F16 to floats.</summary>
    public abstract void LoadHalves(int to, AssemblerRegister64 at, int offset);

    /// <summary>Bytes to integers of 32 bits.</summary>
    public abstract void LoadBytes(int to, AssemblerRegister64 at, int offset, bool signed);

    public abstract void LoadConstant(int to, uint value);

    /// <summary>16 bytes, in every 16 bytes.</summary>
    public abstract void LoadTable(int to, ReadOnlySpan<byte> table);

    /// <summary>Each byte, 0…15, becomes the one that a table has there.</summary>
    public abstract void LookUp(int to, int table, int codes);

    /// <summary>What lies there, shifted to the left, or to the right where <paramref name="left"/> is negative.</summary>
    public abstract void LoadShifted(int to, AssemblerRegister64 at, int offset, int left);

    public abstract void And(int to, int from, uint constant);

    public abstract void Xor(int to, int from, uint constant);

    public abstract void XorLoaded(int to, int from, AssemblerRegister64 at, int offset);

    /// <summary>to |= bits &amp; mask; what becomes of the bits is not said.</summary>
    public abstract void OrMasked(int to, int bits, uint mask);

    /// <summary>To the left, or to the right where <paramref name="left"/> is negative.</summary>
    public abstract void Shift(int to, int from, int left);

    /// <summary>to += a, integers.</summary>
    public abstract void AddIntegers(int to, int a);

    /// <summary>Integers to floats, in place.</summary>
    public abstract void ToFloats(int register);

    public abstract void Multiply(int to, int a, int b);

    /// <summary>Words: the lower halves of the products.</summary>
    public abstract void MultiplyWords(int to, int a, int b);

    /// <summary>to = a × what lies there.</summary>
    public abstract void MultiplyLoaded(int to, int a, AssemblerRegister64 at, int offset);

    public abstract void MultiplyByConstant(int to, int from, float value);

    /// <summary>to += a × b, rounded once.</summary>
    public abstract void MultiplyAdd(int to, int a, int b);

    /// <summary>to += a × a constant, rounded once.</summary>
    public abstract void MultiplyAddConstant(int to, int a, float value);

    /// <summary>to = to × factor + what lies there, rounded once.</summary>
    public abstract void MultiplyAddLoaded(int to, int factor, AssemblerRegister64 at, int offset);

    /// <summary>A number of 32 bits, in every lane.</summary>
    public abstract void LoadEach(int to, AssemblerRegister64 at, int offset);

    /// <summary>A number of a row of activations, for all rows of weights.</summary>
    public abstract void LoadEach(int to, ActivationRows rows, int token, int offset);

    /// <summary>to = a × a number of a row of activations.</summary>
    public abstract void MultiplyEach(int to, int a, ActivationRows rows, int token, int offset);

    /// <summary>to += a × a number of a row of activations, rounded once.</summary>
    public abstract void MultiplyAddEach(int to, int a, ActivationRows rows, int token, int offset);

    /// <summary>
    /// Of each part from <paramref name="sums"/> on: += four weights, unsigned bytes, × four activations, signed bytes (vpdpbusd). The
    /// parts of the weights lie from <paramref name="weights"/> on.
    /// </summary>
    public abstract void AddDots(int sums, int weights, ActivationRows rows, int token, int offset);

    /// <summary>One part's, with a register of activations.</summary>
    public abstract void AddDot(int sum, int weights, int activations);

    /// <summary>to = two integers of 16 bits × two (vpmaddwd).</summary>
    public abstract void MultiplyWordPairs(int to, int a, int b);

    /// <summary>sum += two integers of 16 bits × two (vpdpwssd).</summary>
    public abstract void AddWordDot(int sum, int a, int b);
}
