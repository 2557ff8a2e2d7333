using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>AVX2's code for one weight format, made of how its scales and its quants are read.</summary>
internal sealed unsafe class Avx2Kernels
{
    /// <summary>(scales, quants, groups, to).</summary>
    public required delegate*<byte*, byte*, int, UnpackedBlock*, void> Unpack { get; init; }

    /// <summary>The same as tiles want it, before signs are taken off 8-bit weights.</summary>
    public required delegate*<byte*, byte*, int, UnpackedBlock*, void> UnpackForTiles { get; init; }

    /// <summary>(scales, quants, groups, x, y): y[16] = a row of x × a panel.</summary>
    public required delegate*<byte*, byte*, int, ActivationBlock*, float*, void> MultiplyOne { get; init; }

    public static Avx2Kernels Of<TScales, TQuants>() where TScales : struct, Avx2Rung.IScales where TQuants : struct, Avx2Rung.IQuants =>
        Of<TScales, TQuants, TScales, TQuants>();

    public static Avx2Kernels Of<TScales, TQuants, TTileScales, TTileQuants>()
        where TScales : struct, Avx2Rung.IScales where TQuants : struct, Avx2Rung.IQuants
        where TTileScales : struct, Avx2Rung.IScales where TTileQuants : struct, Avx2Rung.IQuants => new()
        {
            Unpack = &Avx2Rung.Unpack<TScales, TQuants>,
            UnpackForTiles = &Avx2Rung.Unpack<TTileScales, TTileQuants>,
            MultiplyOne = &Avx2Rung.MultiplyOne<TScales, TQuants>,
        };
}
