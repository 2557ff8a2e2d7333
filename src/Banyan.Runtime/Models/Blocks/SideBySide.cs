using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>Blocks that read the same input, and whose results are added: x += a(input) + b(input) (Cohere 2, Falcon-H1).</summary>
internal sealed unsafe class SideBySide(params Block[] blocks) : Block
{
    public override int Columns => blocks[0].Columns;

    public override IEnumerable<MatrixProduct> Products => blocks.SelectMany(b => b.Products);

    public override LayerState? State => blocks.Select(b => b.State).FirstOrDefault(s => s is not null);

    public override int Terms(Precision precision)
    {
        var terms = 1;
        foreach (var block in blocks)
            terms = Math.Max(terms, block.Terms(precision));
        return terms;
    }

    public override long PositionProducts => blocks.Sum(b => b.PositionProducts);

    public override bool HasRouter => blocks.Any(b => b.HasRouter);

    public override bool NeedsBlocks(Precision precision)
    {
        foreach (var block in blocks)
            if (block.NeedsBlocks(precision))
                return true;
        return false;
    }

    public override void Run(Pass pass, Activations input, float* x)
    {
        foreach (var block in blocks)
            block.Run(pass, input, x);
    }
}
