using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Assembled;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>What decides which rungs a machine supports: the processor (CPUID), the operating system (XCR0), the runtime and its switches
/// (DOTNET_EnableAVX512=0), and whether memory can be made executable. Whether a rung is supported is a function of this alone.</summary>
internal sealed unsafe record ProcessorFacts
{
    // xor ecx, ecx; xgetbv; shl rdx, 32; or rax, rdx; ret
    static ReadOnlySpan<byte> ReadState => [0x31, 0xC9, 0x0F, 0x01, 0xD0, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];

    /// <summary>XCR0: what the system saves for AVX (SSE, AVX) and for AVX-512 (and masks, upper halves, upper registers).</summary>
    const ulong AvxState = 0b0000_0110, Avx512State = 0b1110_0110;

    /// <summary>This process.</summary>
    public static ProcessorFacts Current { get; } = Read();

    public Architecture Architecture { get; init; } = Architecture.X64;

    /// <summary>CPUID, leaf 1.</summary>
    public uint Leaf1Ecx { get; init; }

    /// <summary>CPUID, leaf 7.</summary>
    public uint Leaf7Eax { get; init; }

    public uint Leaf7Ebx { get; init; }

    public uint Leaf7Ecx { get; init; }

    /// <summary>CPUID, leaf 7, part 1.</summary>
    public uint Leaf71Eax { get; init; }

    /// <summary>Whether AMD made it.</summary>
    public bool IsAmd { get; init; }

    /// <summary>What the system saves of a thread; null if it cannot be read, as that takes memory that can be executed.</summary>
    public ulong? Xcr0 { get; init; }

    /// <summary>Whether the system lets this process write code and execute it.</summary>
    public bool HasExecutableMemory { get; init; }

    /// <summary>Whether the runtime computes with AVX2 and FMA.</summary>
    public bool RuntimeHasAvx2 { get; init; }

    /// <summary>Whether the runtime computes with AVX-512 F, BW, DQ and VL.</summary>
    public bool RuntimeHasAvx512 { get; init; }

    /// <summary>Whether the runtime computes with Arm64's vectors, and with their dot products.</summary>
    public bool RuntimeHasAdvSimd { get; init; }

    public bool RuntimeHasDp { get; init; }

    /// <summary>Whether kernels can be assembled: they are for 64-bit x86.</summary>
    public bool CanAssemble => Architecture == Architecture.X64 && HasExecutableMemory && Xcr0 is not null;

    public bool HasAvx2 => IsX86 && RuntimeHasAvx2
        && Bit(Leaf1Ecx, 12) && Bit(Leaf1Ecx, 27) && Bit(Leaf1Ecx, 28) && Bit(Leaf7Ebx, 5) // FMA; the system uses XSAVE; AVX; AVX2
        && Saves(AvxState);

    public bool HasAvx512 => HasAvx2 && RuntimeHasAvx512
        && Bit(Leaf7Ebx, 16) && Bit(Leaf7Ebx, 17) && Bit(Leaf7Ebx, 30) && Bit(Leaf7Ebx, 31) // F, DQ, BW, VL
        && Saves(Avx512State);

    /// <summary>Byte dot products into 32 bits, EVEX, of 512, 256 and 128 bits.</summary>
    public bool HasAvx512Vnni => HasAvx512 && Bit(Leaf7Ecx, 11);

    /// <summary>BF16 dot products into floats, EVEX.</summary>
    public bool HasAvx512Bf16 => HasAvx512 && Leaf7Eax >= 1 && Bit(Leaf71Eax, 5);

    /// <summary>Byte dot products into 32 bits, VEX, of 256 and 128 bits.</summary>
    public bool HasAvxVnni => HasAvx2 && Leaf7Eax >= 1 && Bit(Leaf71Eax, 4);

    public bool HasAdvSimd => Architecture == Architecture.Arm64 && RuntimeHasAdvSimd;

    public bool HasDp => HasAdvSimd && RuntimeHasDp;

    bool IsX86 => Architecture is Architecture.X64 or Architecture.X86;

    // Where the state cannot be read, the runtime has asked: it offers no instruction that the system does not save.
    bool Saves(ulong state) => ((Xcr0 ?? state) & state) == state;

    static bool Bit(uint register, int bit) => (register >> bit & 1) != 0;

    static ProcessorFacts Read()
    {
        var facts = new ProcessorFacts
        {
            Architecture = RuntimeInformation.ProcessArchitecture,
            RuntimeHasAvx2 = Avx2.IsSupported && Fma.IsSupported,
            RuntimeHasAvx512 = Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported,
            RuntimeHasAdvSimd = AdvSimd.Arm64.IsSupported,
            RuntimeHasDp = Dp.Arm64.IsSupported,
        };
        if (!X86Base.IsSupported)
            return facts;
        var (highest, b, c, d) = X86Base.CpuId(0, 0);
        var hasLeaf7 = highest >= 7;
        var (eax, ebx, ecx, _) = hasLeaf7 ? X86Base.CpuId(7, 0) : default;
        facts = facts with
        {
            IsAmd = (b, d, c) == (0x68747541, 0x69746E65, 0x444D4163), // "AuthenticAMD"
            Leaf1Ecx = (uint)X86Base.CpuId(1, 0).Ecx,
            Leaf7Eax = (uint)eax,
            Leaf7Ebx = (uint)ebx,
            Leaf7Ecx = (uint)ecx,
            Leaf71Eax = eax >= 1 ? (uint)X86Base.CpuId(7, 1).Eax : 0,
        };
        // Bit 27: there is XGETBV.
        if (facts.Architecture != Architecture.X64 || !Bit(facts.Leaf1Ecx, 27)
            || ExecutableMemory.TryPlace(ReadState) is var code && code == null)
            return facts;
        return facts with { HasExecutableMemory = true, Xcr0 = ((delegate* unmanaged[SuppressGCTransition]<ulong>)code)() };
    }
}
