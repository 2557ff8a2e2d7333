using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// LFM2's gated short convolution (arXiv 2511.23404), each channel by itself over the last few tokens:
/// <code>
/// b, c, u = Win · x
/// output  = Wout · (c ⊙ conv(b ⊙ u))
/// </code>
/// </summary>
internal sealed unsafe class ShortConvolution : Block
{
    readonly int _kernel;
    readonly Projection _in, _out;
    readonly AlignedBuffer _convolution; // [kernel, embedding]
    readonly RecurrentShape _state;      // [kernel − 1, embedding]: b ⊙ u of the last tokens

    public ShortConvolution(LayerLoader at, int kernel)
    {
        var embedding = at.Config.EmbeddingSize;
        _kernel = kernel;
        _in = at.Projection("shortconv.in_proj", 3 * embedding, embedding);
        _convolution = at.Convolution("shortconv.conv", embedding, kernel);
        _out = at.Projection("shortconv.out_proj", embedding, embedding);
        _state = at.AddRecurrent((kernel - 1L) * embedding);
    }

    public override int Columns => _out.Rows;

    public override IEnumerable<MatrixProduct> Products => [_in, _out];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override bool NeedsBlocks(Precision precision) => _in.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (embedding, rows) = (Columns, pass.Rows);
        var bcu = pass.Floats(3 * embedding);
        _in.Apply(pass, input, bcu);                                              // bcu [rows, 3, embedding]
        var mixed = pass.Activations(embedding, Terms(pass.Precision));
        var job = new Job { Block = this, Batch = pass.Batch, Bcu = bcu, Y = mixed.Rows, Channels = embedding };
        pass.Pool.Run(ref job, Parts.ForWork((long)rows * embedding * _kernel, embedding));
        _out.AddTo(pass, mixed, x);                                               // mixed [rows, embedding]
    }

    // Some channels of all rows.
    struct Job : IJob
    {
        public ShortConvolution Block;
        public Batch Batch;
        public float* Bcu, Y;
        public int Channels;

        public readonly void Work(int number, int parts)
        {
            var (first, end) = Parts.WholeVectors(number, parts, Channels);
            foreach (var part in Batch.Parts)
                Work(part, first, end);
        }

        readonly void Work(Batch.Part part, int first, int end)
        {
            var (checkpoints, length, kernel) = (part.Sequence.Checkpoints, part.Sequence.Length, Block._kernel);
            var past = new PastRows(Bcu + part.First * 3L * Channels, 3 * Channels, checkpoints.At(length, Block._state), Channels, kernel);
            var taps = stackalloc float*[kernel];
            for (var row = 0; row < part.Count; row++)
            {
                float* b = Bcu + (part.First + row) * 3L * Channels, y = Y + (part.First + row) * (long)Channels;
                FloatRows.Multiply(b + first, b + 2 * Channels + first, end - first);   // what the convolution sees: b ⊙ u
                past.Taps(row, taps);
                FloatRows.Convolve(taps, Block._convolution.Floats, null, y, kernel, Channels, first, end, silu: false);
                FloatRows.Multiply(y + first, b + Channels + first, end - first);
                if (checkpoints.Has(length + row + 1))
                    past.Keep(row, checkpoints.At(length + row + 1, Block._state), first, end);
            }
        }
    }
}
