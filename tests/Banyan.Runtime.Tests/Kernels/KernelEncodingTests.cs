using Banyan.Runtime.Kernels.Assembled;
using Iced.Intel;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>
/// The kernels of 256 bits run here in the encoding that this processor has; processors without AVX-512 run the other. Both are the same
/// instructions with the same operands, and differ in the encoding of vpdpbusd and vpdpwssd alone.
/// </summary>
public class KernelEncodingTests
{
    static readonly Dictionary<Code, Code> s_inEvex = new()
    {
        [Code.VEX_Vpdpbusd_ymm_ymm_ymmm256] = Code.EVEX_Vpdpbusd_ymm_k1z_ymm_ymmm256b32,
        [Code.VEX_Vpdpwssd_ymm_ymm_ymmm256] = Code.EVEX_Vpdpwssd_ymm_k1z_ymm_ymmm256b32,
    };

    public static TheoryData<string> Kernels => [.. KernelSet.Integers(VectorForm.Ymm).Select(k => k.Name)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Vex_and_evex_forms_are_the_same_instructions(string name)
    {
        var (vex, vexConstants) = Decode(KernelSet.Integers(VectorForm.Ymm).First(k => k.Name == name).Assemble());
        var (evex, evexConstants) = Decode(KernelSet.Integers(VectorForm.YmmEvex).First(k => k.Name == name + " evex").Assemble());
        Assert.Equal(vex.Select(i => i.Text), evex.Select(i => i.Text));
        Assert.Equal(vexConstants, evexConstants);
        for (var i = 0; i < vex.Count; i++)
            Assert.Equal(s_inEvex.GetValueOrDefault(vex[i].Code, vex[i].Code), evex[i].Code);
        if (!name.StartsWith("unpack", StringComparison.Ordinal))
            Assert.Contains(vex, i => s_inEvex.ContainsKey(i.Code));
    }

    /// <summary>What processors with AVX-VNNI, AVX2, FMA and F16C have: no EVEX, no register beyond the sixteenth.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_vex_form_needs_no_AVX512(string name)
    {
        CpuidFeature[] allowed = [CpuidFeature.INTEL8086, CpuidFeature.INTEL386, CpuidFeature.X64, CpuidFeature.SSE, CpuidFeature.AVX,
            CpuidFeature.AVX2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.AVX_VNNI];
        var (instructions, _) = Decode(KernelSet.Integers(VectorForm.Ymm).First(k => k.Name == name).Assemble());
        foreach (var (text, code) in instructions)
        {
            Assert.True(code.Encoding() is EncodingKind.Legacy or EncodingKind.VEX, text);
            Assert.True(code.CpuidFeatures().All(allowed.Contains), $"{text}: {string.Join(", ", code.CpuidFeatures())}");
        }
    }

    /// <summary>
    /// The instructions to the return, targets of jumps as the number of an instruction and of loads as the number of a constant; and the
    /// constants behind.
    /// </summary>
    static (List<(string Text, Code Code)> Instructions, byte[] Constants) Decode(byte[] bytes)
    {
        var decoder = Decoder.Create(64, bytes);
        var instructions = new List<Instruction>();
        do
            instructions.Add(decoder.Decode());
        while (instructions[^1].Mnemonic != Mnemonic.Ret);
        var end = (int)instructions[^1].NextIP;
        var numbers = instructions.Select((i, n) => (i.IP, n)).ToDictionary();
        var formatter = new NasmFormatter();
        var text = new StringOutput();
        return ([.. instructions.Select(i =>
        {
            if (i.IsIPRelativeMemoryOperand)
                i.MemoryDisplacement64 -= (ulong)end;
            if (i.FlowControl == FlowControl.ConditionalBranch)
                return ($"{i.Mnemonic} instruction {numbers[i.NearBranchTarget]}", i.Code.ToNearBranch());
            formatter.Format(i, text);
            return (text.ToStringAndReset(), i.Code);
        })], bytes[end..]);
    }
}
