using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Machine code assembled at run time for AVX-512 VNNI, which .NET has no intrinsic for; what is not a product of integers is the managed
/// rung's below.
/// </summary>
internal sealed unsafe class AssembledRung : Avx512Rung
{
    readonly AssembledProducts _products = new(VectorForm.Zmm);

    public override string Name => "avx512-vnni";

    public override bool IsSupportedBy(ProcessorFacts facts) => base.IsSupportedBy(facts) && facts.HasAvx512Vnni && facts.CanAssemble;

    public override VectorForm? Form => VectorForm.Zmm;

    public override double PortsPerProduct(PackedFormat format, int terms) =>
        RoundsToPairs(format) ? ProductPorts.PerPair : _products.PortsPerProduct(format, terms);

    public override IntegerDots Dots { get; } = new AssembledDots(VectorForm.Zmm);

    public override int PanelTokens => _products.PanelTokens;

    /// <summary>Unpacking runs on other ports than products, while weights unpacked for tiles have to be stored. Measured on Zen 4, GMAC/s
    /// and core, panels and tiles: Q4_K 160 and 146 with 16 rows, 158 and 153 with 32, 160 and 161 with 48; Q6_K 150 and 131, 150 and 143,
    /// 151 and 147.</summary>
    public override int PanelRows => 4 * PanelTokens;

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1) =>
        _products.MultiplyPanel(format, scales, quants, columns, x, stride, tokens, y, terms);

    public override bool HasPanels(PackedFormat format) => format.Reader is not null;

    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to) =>
        _products.UnpackForTiles(this, format, scales, quants, groups, to);

    public override void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y,
        byte* next, long nextBytes, int terms = 1) =>
        _products.MultiplyTiles(kind, w, blocks, x, stride, tokens, y, next, nextBytes, terms);

    public override bool TakesTwoPanels(PackedFormat format) => format.Reader is not null;

    public override void MultiplyTwoPanels(PackedFormat format, byte* scales, byte* quants, long panelBytes,
        int groups, UnpackedBlock* work,
        ActivationBlock* x, int stride, int tokens, float* y, long panelFloats, byte* next, int terms) =>
        _products.MultiplyTwoPanels(format, scales, quants, panelBytes, groups, work, x, stride, tokens, y, panelFloats, next, terms);

    public override bool RoundsToPairs(PackedFormat format) => ProcessorFacts.Current.HasAvx512Bf16 && format.Pairs != PairForm.None;

    public override void RoundToPairs(float* x, long count, ushort* to)
    {
        var arguments = new PairKernel.RoundArguments { From = x, To = to, Count = (count + 15) / 16 };
        if (count > 0)
            KernelSet.Call(KernelSet.Round(isHalf: false), &arguments);
    }

    public override void MultiplyPairs(PackedFormat format, byte* quants, int columns, ushort* x, int stride, int tokens, float* y,
        byte* scratch, byte* next, long nextBytes)
    {
        var pairs = (columns + 1) / 2;
        var isHalf = format.Pairs == PairForm.F16;
        if (isHalf && tokens > PanelTokens)
        {
            var round = new PairKernel.RoundArguments { From = quants, To = scratch, Count = pairs };
            KernelSet.Call(KernelSet.Round(isHalf: true), &round);
            quants = scratch;
            isHalf = false;
        }
        var arguments = new PairKernel.Arguments
        {
            Rows = new TileRows { X = (byte*)x, XStrideBytes = stride * sizeof(ushort), Y = y, Next = next },
            W = quants,
            Eights = pairs / 8,
            Rest = pairs % 8,
        };
        TileRows.Run(&arguments.Rows, new Pairs(isHalf), tokens, PairKernel.MaxTokens, nextBytes);
    }

    readonly struct Pairs(bool isHalf) : IKernelsBySize
    {
        public nint OfSize(int tokens) => KernelSet.Pair(isHalf, tokens);
    }
}
