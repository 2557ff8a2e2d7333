using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>A kernel that can be assembled: what it is called in a list, and its code.</summary>
internal sealed record KernelDescription(string Name, Func<byte[]> Assemble);

/// <summary>All assembled kernels; each is made when it is first needed.</summary>
internal static unsafe class KernelSet
{
    /// <summary>No kernel takes more tokens.</summary>
    const int MaxTokens = 12, MaxTerms = 2, MaxPanels = 2;

    static readonly Lock s_making = new();
    static readonly int s_forms = Enum.GetValues<VectorForm>().Length, s_kinds = Enum.GetValues<WeightKind>().Length;
    static readonly nint[] s_tiles = new nint[MaxPanels * MaxTerms * s_forms * s_kinds * (MaxTokens + 1)];
    static readonly nint[] s_panels = new nint[MaxTerms * s_forms * PackedFormat.Count * (MaxTokens + 1)];
    static readonly nint[] s_unpacks = new nint[s_forms * PackedFormat.Count], s_peaks = new nint[s_forms];
    static readonly nint[] s_pairs = new nint[2 * (MaxTokens + 1)], s_rounds = new nint[2];
    static readonly nint[] s_dots = new nint[2 * s_forms * (DotKernel.MaxQueries + 1) * (DotKernel.MaxVectors + 1)];

    public static nint Tile(VectorForm form, WeightKind kind, int tokens, int terms, int panels)
    {
        ref var kernel =
            ref s_tiles[((((panels - 1) * MaxTerms + terms - 1) * s_forms + (int)form) * s_kinds + (int)kind) * (MaxTokens + 1) + tokens];
        if (kernel == 0)
            MakeTile(ref kernel, form, kind, tokens, terms, panels);
        return kernel;
    }

    public static nint Panel(VectorForm form, PackedFormat format, int tokens, int terms)
    {
        ref var kernel = ref s_panels[(((terms - 1) * s_forms + (int)form) * PackedFormat.Count + format.Index) * (MaxTokens + 1) + tokens];
        if (kernel == 0)
            MakePanel(ref kernel, form, format, tokens, terms);
        return kernel;
    }

    public static nint Unpack(VectorForm form, PackedFormat format)
    {
        ref var kernel = ref s_unpacks[(int)form * PackedFormat.Count + format.Index];
        if (kernel == 0)
            MakeUnpack(ref kernel, form, format);
        return kernel;
    }

    public static nint Pair(bool isHalf, int tokens)
    {
        ref var kernel = ref s_pairs[(isHalf ? MaxTokens + 1 : 0) + tokens];
        if (kernel == 0)
            MakePair(ref kernel, isHalf, tokens);
        return kernel;
    }

    /// <summary>Attention's products of <paramref name="queries"/> rows, 16 · <paramref name="vectors"/> lanes.</summary>
    public static nint Dot(VectorForm form, bool isScore, int queries, int vectors)
    {
        ref var kernel =
            ref s_dots[(((isScore ? 1 : 0) * s_forms + (int)form) * (DotKernel.MaxQueries + 1) + queries)
                * (DotKernel.MaxVectors + 1) + vectors];
        if (kernel == 0)
            MakeDot(ref kernel, form, isScore, queries, vectors);
        return kernel;
    }

    /// <summary>Rounds to BF16: 16 floats at a time, or 16 pairs of F16.</summary>
    public static nint Round(bool isHalf)
    {
        ref var kernel = ref s_rounds[isHalf ? 1 : 0];
        if (kernel == 0)
            Make(ref kernel, isHalf ? PairKernel.AssembleRoundWeights : PairKernel.AssembleRoundActivations);
        return kernel;
    }

    /// <summary>Does <see cref="PeakKernel.ProductsPerRound"/> byte products <paramref name="rounds"/> times.</summary>
    public static void RunPeak(VectorForm form, long rounds)
    {
        ref var kernel = ref s_peaks[(int)form];
        if (kernel == 0)
            Make(ref kernel, () => PeakKernel.Assemble(form));
        Call(kernel, &rounds);
    }

    // A kernel runs for microseconds, so it may keep the collector waiting; the full transition costs as much as the call.
    public static void Call(nint kernel, void* arguments) => ((delegate* unmanaged[SuppressGCTransition]<void*, void>)kernel)(arguments);

    /// <summary>Every kernel that there can be, for disassembly.</summary>
    public static IEnumerable<KernelDescription> All =>
    [
        .. from form in Enum.GetValues<VectorForm>() from kernel in Integers(form) select kernel,
        .. from pairs in (PairForm[])[PairForm.BF16, PairForm.F16]
           from tokens in Enumerable.Range(1, PairKernel.MaxTokens)
           select new KernelDescription($"pairs {pairs} {tokens}", () => PairKernel.Assemble(pairs == PairForm.F16, tokens)),
        new KernelDescription("round F16", PairKernel.AssembleRoundWeights),
        new KernelDescription("round F32", PairKernel.AssembleRoundActivations),
    ];

    /// <summary>The integer kernels of one form; their names end with it, unless it is the first.</summary>
    public static IEnumerable<KernelDescription> Integers(VectorForm form)
    {
        var ending = form switch { VectorForm.Zmm => "", VectorForm.Ymm => " ymm", _ => " ymm evex" };
        return
        [
            .. from format in PackedFormat.All where format.Reader is not null
               from terms in Enumerable.Range(1, MaxTerms)
               from tokens in Enumerable.Range(1, PanelKernel.MaxTokens(form, format.Kind, terms))
               select new KernelDescription($"panel {format.Format} {tokens}{(terms == 2 ? " of two" : "")}{ending}",
                   () => PanelKernel.Assemble(form, format, tokens, terms)),
            .. from format in PackedFormat.All where format.Reader is not null
               select new KernelDescription($"unpack {format.Format}{ending}", () => UnpackKernel.Assemble(form, format)),
            .. from kind in (WeightKind[])[WeightKind.U4, WeightKind.U6, WeightKind.I8, WeightKind.Halves, WeightKind.U6AndMins]
               from terms in Enumerable.Range(1, MaxTerms)
               from panels in Enumerable.Range(1, TileKernel.MaxPanels(form))
               from tokens in Enumerable.Range(1, TileKernel.MaxTokens(form, kind, terms, panels))
               select new KernelDescription(
                   $"tile {kind} {tokens}{(terms == 2 ? " of two" : "")}{(panels == 2 ? " of two panels" : "")}{ending}",
                   () => TileKernel.Assemble(form, kind, tokens, terms, panels)),
            .. from queries in Enumerable.Range(1, DotKernel.MaxQueries)
               select new KernelDescription($"scores {queries}{ending}",
                   () => DotKernel.Assemble(form, isScore: true, queries, DotKernel.VectorsOf(form, queries))),
            .. from queries in Enumerable.Range(1, DotKernel.MaxQueries)
               from vectors in Enumerable.Range(1, DotKernel.VectorsOf(form, queries))
               select new KernelDescription($"values {queries} {16 * vectors}{ending}",
                   () => DotKernel.Assemble(form, isScore: false, queries, vectors)),
            new KernelDescription($"peak{ending}", () => PeakKernel.Assemble(form)),
        ];
    }

    // Apart from the callers, which must not allocate a closure for each call.
    static void MakeTile(ref nint kernel, VectorForm form, WeightKind kind, int tokens, int terms, int panels) =>
        Make(ref kernel, () => TileKernel.Assemble(form, kind, tokens, terms, panels));

    static void MakePanel(ref nint kernel, VectorForm form, PackedFormat format, int tokens, int terms) =>
        Make(ref kernel, () => PanelKernel.Assemble(form, format, tokens, terms));

    static void MakeUnpack(ref nint kernel, VectorForm form, PackedFormat format) =>
        Make(ref kernel, () => UnpackKernel.Assemble(form, format));

    static void MakePair(ref nint kernel, bool isHalf, int tokens) => Make(ref kernel, () => PairKernel.Assemble(isHalf, tokens));

    static void MakeDot(ref nint kernel, VectorForm form, bool isScore, int queries, int vectors) =>
        Make(ref kernel, () => DotKernel.Assemble(form, isScore, queries, vectors));

    static void Make(ref nint kernel, Func<byte[]> assemble)
    {
        lock (s_making)
            if (Volatile.Read(ref kernel) == 0)
                Volatile.Write(ref kernel, ExecutableMemory.Place(assemble()));
    }
}
