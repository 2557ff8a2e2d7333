using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>What assembled code may use: the processor's word (CPUID), the system's (XGETBV) and the runtime's own switches (DOTNET_EnableAVX512=0).</summary>
internal static unsafe class Processor
{
    // xor ecx, ecx; xgetbv; shl rdx, 32; or rax, rdx; ret
    static ReadOnlySpan<byte> ReadState => [0x31, 0xC9, 0x0F, 0x01, 0xD0, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];

    /// <summary>XCR0 bits that the system saves for AVX-512: SSE, AVX, masks, upper halves, upper registers.</summary>
    const ulong Avx512State = 0b1110_0110;

    /// <summary>AVX-512 F, BW, DQ, VL usable, and memory that can be executed.</summary>
    static bool HasAvx512 { get; } =
        RuntimeInformation.ProcessArchitecture == Architecture.X64
        && Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported && Fma.IsSupported
        && Bit(X86Base.CpuId(1, 0).Ecx, 27) // the system uses XSAVE, so XGETBV exists
        && ExecutableMemory.TryPlace(ReadState) is var code && code != null
        && (((delegate* unmanaged[SuppressGCTransition]<ulong>)code)() & Avx512State) == Avx512State;

    /// <summary>Byte dot products into 32 bits, 512 bits wide.</summary>
    public static bool HasVnni { get; } = HasAvx512 && Bit(X86Base.CpuId(7, 0).Ecx, 11);

    /// <summary>BF16 dot products into floats, 512 bits wide.</summary>
    public static bool HasBf16 { get; } = HasAvx512 && X86Base.CpuId(7, 0).Eax >= 1 && Bit(X86Base.CpuId(7, 1).Eax, 5);

    static bool Bit(int register, int bit) => (register >> bit & 1) != 0;
}
