using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>The integer products of the assembled rungs, which differ in their vectors alone.</summary>
internal sealed unsafe class AssembledProducts(VectorForm form)
{
    static readonly WeightKind[] s_kinds = [.. Enum.GetValues<WeightKind>().Where(kind => kind != WeightKind.Float)];

    // By terms and kinds.
    readonly int[][] _tileTokens = [Most(terms: 1, form, TilesOf(1)), Most(terms: 2, form, TilesOf(1))];
    readonly int[][] _tileTokensOfTwoPanels = [Most(terms: 1, form, TilesOf(2)), Most(terms: 2, form, TilesOf(2))];
    readonly int[] _panelTokens = Most(terms: 1, form, PanelKernel.MaxTokens), _panelTokensOfTwo =
        Most(terms: 2, form, PanelKernel.MaxTokens);

    static Func<VectorForm, WeightKind, int, int> TilesOf(int panels) =>
        (form, kind, terms) => TileKernel.MaxTokens(form, kind, terms, panels);

    static int[] Most(int terms, VectorForm form, Func<VectorForm, WeightKind, int, int> tokens) =>
        [.. s_kinds.Select(kind => tokens(form, kind, terms))];

    public VectorForm Form => form;

    /// <summary>How many tokens are multiplied with a panel on its way from memory: as many as most formats take at once.</summary>
    public int PanelTokens => _panelTokens[0];

    public double PortsPerProduct(PackedFormat format, int terms) => format.Kind switch
    {
        WeightKind.Float => ProductPorts.PerFloat,
        var kind => ProductPorts.PerProduct(form, kind, terms),
    };

    public void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms)
    {
        for (int most = (terms == 1 ? _panelTokens : _panelTokensOfTwo)[(int)format.Kind], count; tokens > 0; tokens -= count)
        {
            count = Math.Min(tokens, most);
            var arguments = new PanelKernel.Arguments
            {
                Scales = scales,
                Quants = quants,
                Groups = format.Groups(columns),
                X = x,
                XStrideBytes = (long)stride * ActivationBlock.Bytes,
                Y = y,
                NextBytes = format.PanelBytes(columns),
            };
            KernelSet.Call(KernelSet.Panel(form, format, count, terms), &arguments);
            x += count * terms * (long)stride;
            y += count * UnpackedBlock.Rows;
        }
    }

    /// <summary>Unpacks groups of a panel for tiles: by its assembled reader, or by the rung's code in the form that tiles take.</summary>
    public void UnpackForTiles(Rung rung, PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        if (format.Reader is not null)
        {
            Unpack(format, scales, quants, groups, to, panels: 1);
            return;
        }
        rung.Unpack(format, scales, quants, groups, to);
        UnpackKernel.Convert(format.Kind, to, groups * format.BlocksPerGroup);
    }

    void Unpack(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to, int panels)
    {
        var arguments = new UnpackKernel.Arguments
        {
            Scales = scales,
            Quants = quants,
            Groups = groups,
            To = to,
            BlockBytes = panels * UnpackedBlock.Bytes
        };
        KernelSet.Call(KernelSet.Unpack(form, format), &arguments);
    }

    public void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y,
        byte* next, long nextBytes, int terms)
    {
        var arguments = new TileKernel.Arguments
        {
            Rows = new TileRows { X = (byte*)x, XStrideBytes = (long)stride * ActivationBlock.Bytes, Y = y, Next = next },
            W = w,
            Blocks = blocks,
        };
        TileRows.Run(&arguments.Rows, new Tiles(form, TileKernel.Unpacked(kind), terms, panels: 1), tokens,
            _tileTokens[terms - 1][(int)kind], nextBytes, terms);
    }

    /// <summary>See <see cref="Rung.MultiplyTwoPanels"/>.</summary>
    public void MultiplyTwoPanels(PackedFormat format, byte* scales, byte* quants, long panelBytes, int groups, UnpackedBlock* work,
        ActivationBlock* x, int stride, int tokens, float* y, long panelFloats, byte* next, int terms)
    {
        Unpack(format, scales, quants, groups, work, panels: 2);
        Unpack(format, scales + panelBytes, quants + panelBytes, groups, work + 1, panels: 2);
        var arguments = new TileKernel.Arguments
        {
            Rows = new TileRows
            {
                X = (byte*)x,
                XStrideBytes = (long)stride * ActivationBlock.Bytes,
                Y = y,
                Next = next,
                NextPanelBytes = panelBytes
            },
            W = work,
            Blocks = groups * format.BlocksPerGroup,
            PanelBytes = panelFloats * sizeof(float),
        };
        var kernels = new Tiles(form, TileKernel.Unpacked(format.Kind), terms, panels: 2);
        TileRows.Run(&arguments.Rows, kernels, tokens, _tileTokensOfTwoPanels[terms - 1][(int)format.Kind],
            (long)groups * format.QuantBytes, terms);
    }

    readonly struct Tiles(VectorForm form, WeightKind kind, int terms, int panels) : IKernelsBySize
    {
        public nint OfSize(int tokens) => KernelSet.Tile(form, kind, tokens, terms, panels);
    }
}
