using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The same kernels as <see cref="AssembledRung"/>'s in vectors of 256 bits, assembled for AVX-VNNI: client processors without AVX-512.
/// Where <c>vpdpbusd</c> has no VEX form but AVX-512's, that is used, so that this rung can be forced and tested there.
/// </summary>
internal sealed unsafe class AvxVnniRung : Avx2Rung
{
    static readonly VectorForm s_form = ProcessorFacts.Current.HasAvxVnni ? VectorForm.Ymm : VectorForm.YmmEvex;

    readonly AssembledProducts _products = new(s_form);

    public override string Name => "avx-vnni";

    public override bool IsSupportedBy(ProcessorFacts facts) =>
        base.IsSupportedBy(facts) && facts.CanAssemble && (facts.HasAvxVnni || facts.HasAvx512Vnni);

    public override VectorForm? Form => _products.Form;

    public override IntegerDots Dots { get; } = new AssembledDots(s_form);

    public override double PortsPerProduct(PackedFormat format, int terms) => _products.PortsPerProduct(format, terms);

    public override int PanelTokens => _products.PanelTokens;

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1) =>
        _products.MultiplyPanel(format, scales, quants, columns, x, stride, tokens, y, terms);

    public override bool HasPanels(PackedFormat format) => format.Reader is not null;

    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to) =>
        _products.UnpackForTiles(this, format, scales, quants, groups, to);

    public override void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y,
        byte* next, long nextBytes, int terms = 1) =>
        _products.MultiplyTiles(kind, w, blocks, x, stride, tokens, y, next, nextBytes, terms);
}
