using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Quantization;
using Banyan.Runtime.Tests.Files;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.WeightFormats;

/// <summary>
/// An importance matrix holds the squares of what matrices meet (it was also compared with llama.cpp's, within 2e-5), and quantize takes
/// it.
/// </summary>
public class ImportanceTests
{
    static readonly int[] s_text = [.. Enumerable.Range(0, 70).Select(i => (i * 37 + i * i * 11) % 500)];

    static string Collect(string name, TemporaryFolder folder)
    {
        var path = Path.Combine(folder.Path, "imatrix.gguf");
        using var model = Model.Load(SharedData.Path("models", $"{name}.gguf"),
            new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        ImportanceCollector.Write(model, s_text, 32, path, "a test");
        return path;
    }

    static float[] Values(ModelFile file, string name)
    {
        var tensor = file.GetTensor(name);
        var values = new float[tensor.Rows * tensor.Columns];
        tensor.Dequantize(0, (int)tensor.Rows, values);
        return values;
    }

    [Fact]
    public void The_first_matrix_meets_the_normed_embeddings()
    {
        using var temporary = new TemporaryFolder();
        using var matrix = ModelFile.Open(Collect("qwen2-tiny-f32", temporary));
        using var file = ModelFile.Open(SharedData.Path("models", "qwen2-tiny-f32.gguf"));
        var (embedding, norm, epsilon) = (file.GetTensor("token_embd.weight"), Values(file, "blk.0.attn_norm.weight"),
            file.Metadata.Get<float>("qwen2.attention.layer_norm_rms_epsilon"));
        var (expected, row) = (new double[norm.Length], new float[norm.Length]);
        foreach (var token in s_text.Take(64))
        {
            embedding.Dequantize(token, 1, row);
            var scale = 1 / Math.Sqrt(row.Average(v => (double)v * v) + epsilon);
            for (var i = 0; i < row.Length; i++)
                expected[i] += Math.Pow(row[i] * scale * norm[i], 2);
        }
        foreach (var name in (string[])["attn_q", "attn_k", "attn_v"])
        {
            Assert.All(Values(matrix, $"blk.0.{name}.weight.in_sum2").Zip(expected),
                p => Assert.Equal(p.Second, p.First, 1e-4 * p.Second + 1e-6));
            Assert.Equal([64f], Values(matrix, $"blk.0.{name}.weight.counts"));
        }
        Assert.Equal("imatrix", matrix.Metadata.Get<string>("general.type"));
        Assert.Equal((2L, 32L), (matrix.Metadata.Get<long>("imatrix.chunk_count"), matrix.Metadata.Get<long>("imatrix.chunk_size")));
    }

    [Fact]
    public void Each_expert_is_counted_for_the_rows_that_it_got_and_the_file_is_taken()
    {
        using var temporary = new TemporaryFolder();
        var path = Collect("qwen3moe-tiny-F16", temporary);
        using var source = ModelFile.Open(SharedData.Path("models", "qwen3moe-tiny-F16.gguf"));
        var used = source.Metadata.Get<long>("qwen3moe.expert_used_count");
        using (var matrix = ModelFile.Open(path))
            foreach (var name in (string[])["gate", "up", "down"])
            {
                var counts = Values(matrix, $"blk.0.ffn_{name}_exps.weight.counts");
                Assert.Equal(64 * used, counts.Sum());
                Assert.Equal(source.GetTensor($"blk.0.ffn_{name}_exps.weight").Columns,
                    matrix.GetTensor($"blk.0.ffn_{name}_exps.weight.in_sum2").Columns);
            }
        new Quantizer(source, "Q4_0", new ImportanceMatrix(path)).Write(Path.Combine(temporary.Path, "q.gguf"));
    }
}
