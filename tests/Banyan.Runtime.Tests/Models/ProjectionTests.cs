using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Tests.Kernels;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Tests.Models;

/// <summary>What a projection adds to its matrix, alone and where several are computed together.</summary>
public unsafe class ProjectionTests
{
    const int Rows = 40, Columns = 64, Tokens = 3;

    [Fact]
    public void Scale_and_bias_follow_the_product_alone_and_together()
    {
        using var model = Model.Load(Reference.Path("qwen2-tiny-f32"),
            new ModelOptions { Threads = 2, Activations = ActivationFormat.Float });
        using var cache = new KvCache(model, 64);
        using var pass = new Pass(model, cache, Tokens, model.Pool);
        var (batch, sequence) = (new Batch(Tokens), new Sequence(cache, Tokens));
        batch.Add(sequence, [1, 2, 3], 0);
        pass.Begin(batch);
        using var frame = pass.Memory.Begin();

        using var matrix = LinearTests.Pack(WeightFormat.F32, RandomWeights.Make(WeightFormat.F32, Rows, Columns, 1), Rows, Columns);
        using var bias = new AlignedBuffer(Rows * sizeof(float));
        RandomWeights.Floats(Rows, 2).CopyTo(new Span<float>(bias.Floats, Rows));
        var (plain, full) = (new Projection("w", matrix), new Projection("w", matrix, bias) { Scale = 0.5f });
        var x = pass.Activations(Columns);
        RandomWeights.Floats(Tokens * Columns, 3).CopyTo(new Span<float>(x.Rows, Tokens * Columns));

        float* y = pass.Floats(Rows), alone = pass.Floats(Rows), sum = pass.Floats(Rows);
        plain.Apply(pass, x, y);
        full.Apply(pass, x, alone);
        new Span<float>(sum, Tokens * Rows).Fill(1);
        full.AddTo(pass, x, sum);
        float* q = pass.Floats(Rows), k = pass.Floats(Rows), v = pass.Floats(Rows);
        new QueryKeyValue(full, plain, full).Apply(pass, x, q, k, v);
        var hidden = pass.Activations(Rows);
        new GatedProjection(full, full).Apply(pass, x, hidden, reader: plain);
        for (var i = 0; i < Tokens * Rows; i++)
        {
            var expected = y[i] * 0.5f + bias.Floats[i % Rows];
            Assert.Equal(expected, alone[i], 1e-6f);
            Assert.Equal(1 + expected, sum[i], 1e-6f);
            Assert.Equal((expected, y[i], expected), (q[i], k[i], v[i]));
            Assert.Equal(expected / (1 + MathF.Exp(-expected)) * expected, hidden.Rows[i], 1e-5f);
        }
    }
}
