using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>A kernel that can be assembled: what it is called in a list, and its code.</summary>
internal sealed record KernelDescription(string Name, Func<byte[]> Assemble);

/// <summary>All assembled kernels; each is made when it is first needed.</summary>
internal static unsafe class KernelSet
{
    /// <summary>Tokens that a panel kernel and a tile kernel take at most.</summary>
    public const int PanelTokens = 8, TileTokens = 12;

    static readonly Lock s_making = new();
    static readonly nint[] s_pairs = new nint[2 * (TileTokens + 1)], s_rounds = new nint[2];
    static nint s_peak;
    static readonly nint[] s_tiles = new nint[5 * (TileTokens + 1)], s_panels = new nint[PackedFormat.Count * (PanelTokens + 1)], s_unpacks = new nint[PackedFormat.Count];
    static readonly nint[] s_dots = new nint[2 * (DotKernel.MaxQueries + 1) * (DotKernel.MaxVectors + 1)];

    public static void Run(TileKernel.Arguments* arguments, WeightKind kind, int tokens)
    {
        ref var kernel = ref s_tiles[(int)kind * (TileTokens + 1) + tokens];
        if (kernel == 0)
            MakeTile(ref kernel, kind, tokens);
        Call(kernel, arguments);
    }

    public static void Run(PanelKernel.Arguments* arguments, PackedFormat format, int tokens)
    {
        ref var kernel = ref s_panels[format.Index * (PanelTokens + 1) + tokens];
        if (kernel == 0)
            MakePanel(ref kernel, format, tokens);
        Call(kernel, arguments);
    }

    public static void Run(UnpackKernel.Arguments* arguments, PackedFormat format)
    {
        ref var kernel = ref s_unpacks[format.Index];
        if (kernel == 0)
            MakeUnpack(ref kernel, format);
        Call(kernel, arguments);
    }

    public static void Run(PairKernel.Arguments* arguments, bool isHalf, int tokens)
    {
        ref var kernel = ref s_pairs[(isHalf ? TileTokens + 1 : 0) + tokens];
        if (kernel == 0)
            MakePair(ref kernel, isHalf, tokens);
        Call(kernel, arguments);
    }

    /// <summary>Attention's products of <paramref name="queries"/> rows, 16 · <paramref name="vectors"/> lanes.</summary>
    public static void Run(DotKernel.Arguments* arguments, bool isScore, int queries, int vectors)
    {
        ref var kernel = ref s_dots[((isScore ? 1 : 0) * (DotKernel.MaxQueries + 1) + queries) * (DotKernel.MaxVectors + 1) + vectors];
        if (kernel == 0)
            MakeDot(ref kernel, isScore, queries, vectors);
        Call(kernel, arguments);
    }

    /// <summary>Rounds to BF16: 16 floats at a time, or 16 pairs of F16.</summary>
    public static void Run(PairKernel.RoundArguments* arguments, bool isHalf)
    {
        ref var kernel = ref s_rounds[isHalf ? 1 : 0];
        if (kernel == 0)
            Make(ref kernel, isHalf ? PairKernel.AssembleRoundWeights : PairKernel.AssembleRoundActivations);
        Call(kernel, arguments);
    }

    /// <summary>Does <see cref="PeakKernel.DotsPerRound"/> byte dot products <paramref name="rounds"/> times.</summary>
    public static void RunPeak(long rounds)
    {
        if (s_peak == 0)
            Make(ref s_peak, PeakKernel.Assemble);
        Call(s_peak, &rounds);
    }

    /// <summary>Every kernel that there can be, for disassembly.</summary>
    public static IEnumerable<KernelDescription> All =>
    [
        .. from format in PackedFormat.All where format.Kind != WeightKind.Float
           from tokens in Enumerable.Range(1, PanelTokens)
           select new KernelDescription($"panel {format.Format} {tokens}", () => PanelKernel.Assemble(format, tokens)),
        .. from format in PackedFormat.All where format.Kind != WeightKind.Float
           select new KernelDescription($"unpack {format.Format}", () => UnpackKernel.Assemble(format)),
        .. from kind in (WeightKind[])[WeightKind.U4, WeightKind.U6, WeightKind.I8]
           from tokens in Enumerable.Range(1, BlockProduct.MaxTokens(kind))
           select new KernelDescription($"tile {kind} {tokens}", () => TileKernel.Assemble(kind, tokens)),
        .. from format in (string[])["BF16", "F16"]
           from tokens in Enumerable.Range(1, TileTokens)
           select new KernelDescription($"pairs {format} {tokens}", () => PairKernel.Assemble(format == "F16", tokens)),
        .. from queries in Enumerable.Range(1, DotKernel.MaxQueries)
           select new KernelDescription($"scores {queries}", () => DotKernel.Assemble(isScore: true, queries, DotKernel.MaxVectors)),
        .. from queries in Enumerable.Range(1, DotKernel.MaxQueries)
           from vectors in Enumerable.Range(1, DotKernel.MaxVectors)
           select new KernelDescription($"values {queries} {16 * vectors}", () => DotKernel.Assemble(isScore: false, queries, vectors)),
        new KernelDescription("peak", PeakKernel.Assemble),
        new KernelDescription("round F16", PairKernel.AssembleRoundWeights),
        new KernelDescription("round F32", PairKernel.AssembleRoundActivations),
    ];

    // A kernel runs for microseconds, so it may keep the collector waiting; the full transition costs as much as the call.
    static void Call(nint kernel, void* arguments) => ((delegate* unmanaged[SuppressGCTransition]<void*, void>)kernel)(arguments);

    // Apart from the callers, which must not allocate a closure for each call.
    static void MakeTile(ref nint kernel, WeightKind kind, int tokens) => Make(ref kernel, () => TileKernel.Assemble(kind, tokens));

    static void MakePanel(ref nint kernel, PackedFormat format, int tokens) => Make(ref kernel, () => PanelKernel.Assemble(format, tokens));

    static void MakeUnpack(ref nint kernel, PackedFormat format) => Make(ref kernel, () => UnpackKernel.Assemble(format));

    static void MakePair(ref nint kernel, bool isHalf, int tokens) => Make(ref kernel, () => PairKernel.Assemble(isHalf, tokens));

    static void MakeDot(ref nint kernel, bool isScore, int queries, int vectors) => Make(ref kernel, () => DotKernel.Assemble(isScore, queries, vectors));

    static void Make(ref nint kernel, Func<byte[]> assemble)
    {
        lock (s_making)
            if (Volatile.Read(ref kernel) == 0)
            {
                var code = ExecutableMemory.TryPlace(assemble());
                if (code == null)
                    throw new InvalidOperationException("The system gave executable memory when it was asked first, and refuses it now. Set BANYAN_KERNELS=avx2 to do without.");
                Volatile.Write(ref kernel, (nint)code);
            }
    }
}
