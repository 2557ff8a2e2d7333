using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// x += after(block(before(x))), then x = Then(x). Most families have the norm before (pre-norm), OLMo 2 after the block, Gemma both.
/// </summary>
internal sealed unsafe class Residual(Block block, Norm? before, Norm? after = null)
{
    public Block Block => block;

    /// <summary>A norm of the stream itself after it (BERT's, which stands there in place of one before).</summary>
    public Norm? Then { get; init; }

    public Norm? Before => before;

    public Norm? After => after;

    /// <summary>x[rows, embedding], in place.</summary>
    public void Run(Pass pass, float* x)
    {
        using var frame = pass.Memory.Begin();
        var input = pass.Activations(block.Columns, block.Terms(pass.Precision));
        if (before is not null)
            before.Apply(pass, x, input, block.NeedsBlocks(pass.Precision));     // input [rows, embedding]
        else
            Copy(x, input.Rows, pass.Rows);
        if (after is null)
        {
            block.Run(pass, input, x);
            Then?.Apply(pass, x);
            return;
        }
        var update = pass.Floats(block.Columns);                                 // update [rows, embedding]
        new Span<float>(update, checked(pass.Rows * block.Columns)).Clear();
        block.Run(pass, input, update);
        after.Apply(pass, update);
        Add.Apply(x, update, (long)pass.Rows * block.Columns, pass.Pool);
    }

    void Copy(float* from, float* to, int rows)
    {
        var bytes = (long)rows * block.Columns * sizeof(float);
        Buffer.MemoryCopy(from, to, bytes, bytes);
    }
}
