namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>The vectors that a kernel is assembled for, and how their instructions are encoded.</summary>
internal enum VectorForm
{
    /// <summary>512 bits: AVX-512 VNNI, 32 registers.</summary>
    Zmm,

    /// <summary>256 bits, 16 registers, VEX: AVX-VNNI, of processors that need have no AVX-512.</summary>
    Ymm,

    /// <summary>
    /// The same instructions with <c>vpdpbusd</c> and <c>vpdpwssd</c> in EVEX, which AVX-512 VL and VNNI have: if there is no VEX form of
    /// them.
    /// </summary>
    YmmEvex,
}
