using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>
/// Which rung a machine stands on, from what processors really say of themselves (CPUID registers as published by InstLatx64).
/// </summary>
public class ProcessorFactsTests
{
    /// <summary>XCR0 as systems set it: x87, SSE, AVX; AVX-512's three states; PKRU; AMX's two.</summary>
    const ulong Avx = 0x7, Avx512 = 0xE7, Avx512Pkru = 0x2E7, Amx = 0x602E7;

    public static TheoryData<string, uint, uint, uint, uint, uint, ulong, string> Processors => new()
    {
        // processor, leaf 1 ecx, leaf 7 eax, ebx, ecx, leaf 7.1 eax, XCR0, rung
        { "Ivy Bridge, i7-3770K", 0x7F9AE3BF, 0, 0x00000281, 0, 0, Avx, "scalar" },
        { "Haswell, i7-4770", 0x7FFAFBFF, 0, 0x000027AB, 0, 0, Avx, "avx2" },
        { "Skylake-SP", 0x7FFEFBFF, 0, 0xD39FFFFB, 0x00000008, 0, Avx512Pkru, "avx512" },
        { "Cascade Lake-SP", 0x7FFEFBFF, 0, 0xD39FFFFB, 0x00000808, 0, Avx512Pkru, "avx512-vnni" },
        { "Ice Lake, i7-1065G7", 0x7FFAFBBF, 0, 0xF2BF27EF, 0x40405F4E, 0, Avx512Pkru, "avx512-vnni" },
        { "Sapphire Rapids", 0x7FFEFBFF, 2, 0xF3BFBFFB, 0xBB417FEE, 0x00001C30, Amx, "avx512-vnni" },
        { "Alder Lake, i9-12900K without its small cores", 0x7FFAFBFF, 1, 0xF3BFA7EB, 0x98C07FEE, 0x00401C30, Avx512Pkru, "avx512-vnni" },
        { "Alder Lake-N", 0x7FFAFBBF, 2, 0x239CA7EB, 0x98C007AC, 0x00000810, Avx, "avx-vnni" },
        { "Alder Lake, i9-12900K", 0x7FFAFBFF, 1, 0x239CA7EB, 0x98C027AC, 0x00400810, Avx, "avx-vnni" },
        { "Lunar Lake, Ultra 9 288V", 0x7FFAFBFF, 2, 0x239CA7EB, 0x994027AC, 0x44C009D7, Avx, "avx-vnni" },
        { "Zen 2, Ryzen 9 3900", 0x7ED8320B, 0, 0x219C91A9, 0x00400004, 0, Avx, "avx2" },
        { "Zen 3, Vermeer", 0x7ED8320B, 0, 0x219C97A9, 0x0040068C, 0, Avx, "avx2" },
        { "Zen 4, Genoa", 0x7EFA320B, 1, 0xF1BF97A9, 0x00415FCE, 0x00000020, Avx512Pkru, "avx512-vnni" },
        { "Zen 5, Ryzen 9 9950X", 0x7ED8320B, 1, 0xF1BF97AB, 0x19405FCE, 0x00000030, Avx512Pkru, "avx512-vnni" },
        // A hypervisor or a system that does not save the upper registers: what CPUID says is then not to be had.
        { "Zen 4 whose system saves no AVX-512", 0x7EFA320B, 1, 0xF1BF97A9, 0x00415FCE, 0x00000020, Avx, "avx2" },
        { "Zen 5 whose system saves no AVX-512", 0x7ED8320B, 1, 0xF1BF97AB, 0x19405FCE, 0x00000030, Avx, "avx-vnni" },
        { "Sapphire Rapids whose system saves no masks", 0x7FFEFBFF, 2, 0xF3BFBFFB, 0xBB417FEE, 0x00001C30, 0xC7, "avx-vnni" },
        { "Haswell whose system saves no AVX", 0x7FFAFBFF, 0, 0x000027AB, 0, 0, 0x3, "scalar" },
        { "Zen 4 whose hypervisor hides AVX-512 VNNI", 0x7EFA320B, 1, 0xF1BF97A9, 0x004157CE, 0x00000020, Avx512, "avx512" },
        { "Zen 4 whose hypervisor hides XSAVE", 0x76FA320B, 1, 0xF1BF97A9, 0x00415FCE, 0x00000020, Avx512, "scalar" },
    };

    static ProcessorFacts Facts(uint leaf1Ecx, uint leaf7Eax, uint leaf7Ebx, uint leaf7Ecx, uint leaf71Eax, ulong xcr0) => new()
    {
        Leaf1Ecx = leaf1Ecx,
        Leaf7Eax = leaf7Eax,
        Leaf7Ebx = leaf7Ebx,
        Leaf7Ecx = leaf7Ecx,
        Leaf71Eax = leaf71Eax,
        Xcr0 = xcr0,
        HasExecutableMemory = true,
        RuntimeHasAvx2 = true,
        RuntimeHasAvx512 = true,
    };

    [Theory]
    [MemberData(nameof(Processors))]
    public void A_processor_stands_on_its_rung(string processor, uint leaf1Ecx, uint leaf7Eax, uint leaf7Ebx, uint leaf7Ecx, uint leaf71Eax,
        ulong xcr0, string rung) =>
        Assert.Equal((processor, rung),
            (processor, Ladder.Choose(null, Facts(leaf1Ecx, leaf7Eax, leaf7Ebx, leaf7Ecx, leaf71Eax, xcr0)).Name));

    static readonly ProcessorFacts s_zen5 = Facts(0x7ED8320B, 1, 0xF1BF97AB, 0x19405FCE, 0x00000030, Avx512Pkru);

    [Fact]
    public void A_processor_that_has_everything_can_be_forced_onto_every_rung_of_its_architecture() =>
        Assert.Equal(["avx512-vnni", "avx-vnni", "avx512", "avx2", "scalar"],
            Ladder.All.Where(r => r.IsSupportedBy(s_zen5)).Select(r => r.Name));

    [Fact]
    public void Without_executable_memory_nothing_is_assembled()
    {
        // Then XCR0 cannot be read either, and what the runtime says counts.
        var facts = s_zen5 with { HasExecutableMemory = false, Xcr0 = null };
        Assert.Equal("avx512", Ladder.Choose(null, facts).Name);
        Assert.Equal("avx2", Ladder.Choose(null, facts with { RuntimeHasAvx512 = false }).Name);
        Assert.Contains("the system refuses memory that can be executed; here it can be avx512, avx2, scalar",
            Assert.Throws<NotSupportedException>(() => Ladder.Choose("avx-vnni", facts)).Message);
    }

    [Fact]
    public void The_runtimes_switches_count()
    {
        Assert.Equal("avx-vnni", Ladder.Choose(null, s_zen5 with { RuntimeHasAvx512 = false }).Name);
        Assert.Equal("scalar", Ladder.Choose(null, s_zen5 with { RuntimeHasAvx2 = false }).Name);
    }

    [Fact]
    public void In_32_bits_nothing_is_assembled() =>
        Assert.Equal("avx512", Ladder.Choose(null, s_zen5 with { Architecture = Architecture.X86 }).Name);

    [Theory]
    [InlineData(Architecture.Arm64, true, true, "dotprod")]
    [InlineData(Architecture.Arm64, true, false, "neon")]
    [InlineData(Architecture.Arm64, false, false, "scalar")]
    [InlineData(Architecture.RiscV64, false, false, "scalar")]
    public void Other_processors_stand_on_what_the_runtime_knows_of_them(Architecture architecture, bool advSimd, bool dp, string rung) =>
        Assert.Equal(rung,
            Ladder.Choose(null, new ProcessorFacts { Architecture = architecture, RuntimeHasAdvSimd = advSimd, RuntimeHasDp = dp }).Name);

    [Fact]
    public void BF16_products_need_the_processors_word_and_AVX512()
    {
        Assert.True(s_zen5.HasAvx512Bf16);
        Assert.False((s_zen5 with { Leaf71Eax = 0x10 }).HasAvx512Bf16);
        Assert.False((s_zen5 with { Xcr0 = Avx }).HasAvx512Bf16);
    }

    [Fact]
    public void A_rung_that_the_processor_lacks_is_refused_with_those_it_has()
    {
        var zen2 = Facts(0x7ED8320B, 0, 0x219C91A9, 0x00400004, 0, Avx);
        Assert.Equal("BANYAN_KERNELS=avx512-vnni: this processor lacks the instructions; here it can be avx2, scalar.",
            Assert.Throws<NotSupportedException>(() => Ladder.Choose("avx512-vnni", zen2)).Message);
    }

    [Fact]
    public void This_machine_is_read_as_it_is()
    {
        var facts = ProcessorFacts.Current;
        Assert.Equal(RuntimeInformation.ProcessArchitecture, facts.Architecture);
        // What the runtime may use, the processor and the system have.
        Assert.Equal(facts.RuntimeHasAvx2, facts.HasAvx2);
        Assert.Equal(facts.RuntimeHasAvx512, facts.HasAvx512);
    }
}
