using Banyan.Runtime.Kernels.Operations;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Machine code of one kernel under construction: <c>void kernel(Arguments* arguments)</c> in the system's calling convention, with all
/// registers free between <see cref="Begin"/> and <see cref="End"/> except rsp.
/// </summary>
internal sealed class KernelWriter
{
    static readonly AssemblerRegister64[] s_saved = [rbx, rbp, rsi, rdi, r12, r13, r14, r15];

    const int YmmLanes = 8;

    readonly List<(Label Label, byte[] Bytes)> _tables = [];
    readonly Dictionary<uint, Label> _constants = [], _wideConstants = [];

    public Assembler A { get; } = new(64);

    /// <summary>Holds the arguments' address at the start.</summary>
    public static AssemblerRegister64 Arguments => OperatingSystem.IsWindows() ? rcx : rdi;

    public static AssemblerRegisterZMM Zmm(int index) => new(Register.ZMM0 + index);

    public void Begin()
    {
        foreach (var register in s_saved)
            A.push(register);
        if (!OperatingSystem.IsWindows())
            return;
        A.sub(rsp, 160); // Windows keeps xmm6…15
        for (var i = 0; i < 10; i++)
            A.movups(__xmmword_ptr[rsp + 16 * i], new AssemblerRegisterXMM(Register.XMM6 + i));
    }

    public void End()
    {
        A.vzeroupper();
        if (OperatingSystem.IsWindows())
        {
            for (var i = 0; i < 10; i++)
                A.movups(new AssemblerRegisterXMM(Register.XMM6 + i), __xmmword_ptr[rsp + 16 * i]);
            A.add(rsp, 160);
        }
        foreach (var register in s_saved.Reverse())
            A.pop(register);
        A.ret();
        Place(_constants, 1);
        Place(_wideConstants, YmmLanes);
        foreach (var (label, bytes) in _tables)
        {
            var here = label;
            A.Label(ref here);
            A.db(bytes);
        }
    }

    /// <summary>A number that lies after the code, in every lane.</summary>
    public AssemblerMemoryOperand Constant(uint value) => __dword_bcst[ConstantLabel(value)];

    /// <summary>The same for instructions that load it.</summary>
    public AssemblerMemoryOperand ConstantDword(uint value) => __dword_ptr[ConstantLabel(value)];

    /// <summary>The same as often as 256 bits hold it, for instructions that cannot broadcast.</summary>
    public AssemblerMemoryOperand ConstantYmm(uint value) => __ymmword_ptr[LabelOf(_wideConstants, value)];

    /// <summary>16 bytes that lie after the code.</summary>
    public AssemblerMemoryOperand Table(ReadOnlySpan<byte> bytes)
    {
        var label = A.CreateLabel();
        _tables.Add((label, bytes.ToArray()));
        return __xmmword_ptr[label];
    }

    Label ConstantLabel(uint value) => LabelOf(_constants, value);

    Label LabelOf(Dictionary<uint, Label> labels, uint value) =>
        labels.TryGetValue(value, out var label) ? label : labels[value] = A.CreateLabel();

    void Place(Dictionary<uint, Label> labels, int times)
    {
        foreach (var (value, label) in labels)
        {
            var here = label;
            A.Label(ref here);
            for (var i = 0; i < times; i++)
                A.dd(value);
        }
    }

    /// <summary>Runs <paramref name="body"/> as often as <paramref name="counter"/> says, at least once.</summary>
    public void Repeat(AssemblerRegister64 counter, Action body)
    {
        var top = A.CreateLabel();
        A.Label(ref top);
        body();
        A.dec(counter);
        A.jnz(top);
    }

    public byte[] ToBytes()
    {
        var code = new MemoryStream();
        A.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }
}
