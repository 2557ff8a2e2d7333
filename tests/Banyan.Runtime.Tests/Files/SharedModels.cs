using Banyan.Runtime.Files;
using Banyan.Runtime.WeightFormats;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Files;

/// <summary>Real files made by llama.cpp.</summary>
public class SharedModels
{
    [Theory]
    [InlineData("llama-tiny-F16.gguf", "llama")]
    [InlineData("llama-tiny-Q4_K_M.gguf", "llama")]
    [InlineData("qwen2-tiny-Q4_0.gguf", "qwen2")]
    [InlineData("qwen3-tiny-Q8_0.gguf", "qwen3")]
    [InlineData("qwen3moe-tiny-F16.gguf", "qwen3moe")]
    [InlineData("stories260K.gguf", "llama")]
    public void Open(string file, string architecture)
    {
        using var model = ModelFile.Open(SharedData.Path("models", file));
        Assert.Equal(ModelFileKind.Gguf, model.Kind);
        Assert.Equal(architecture, model.Metadata.Get<string>("general.architecture"));
        var embedding = model.GetTensor("token_embd.weight");
        Assert.Equal(model.Metadata.Get<long>($"{architecture}.embedding_length"), embedding.Columns);
        Assert.Equal(model.Metadata.Get<string[]>("tokenizer.ggml.tokens").Length, embedding.Rows);
        // The last tensor ends where the file does, but for padding.
        Assert.InRange(model.ByteLength - model.Tensors.Max(t => t.Offset + t.ByteLength), 0, 31);
        foreach (var tensor in model.Tensors)
        {
            var row = new float[tensor.Columns];
            tensor.Dequantize(tensor.Rows - 1, 1, row);
            Assert.All(row, w => Assert.InRange(w, -100, 100));
        }
    }

    [Theory]
    [InlineData("qwen2-tiny-F16.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q8_0.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q6_K.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q5_0.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q4_0.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q4_K_M.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("llama-tiny-Q4_K_M.gguf", "llama-tiny-F16.gguf")]
    [InlineData("llama-tiny-Q8_0.gguf", "llama-tiny-F16.gguf")]
    public void Quantized_weights_are_near_the_exact_ones(string quantized, string exact)
    {
        using var a = ModelFile.Open(SharedData.Path("models", quantized));
        using var b = ModelFile.Open(SharedData.Path("models", exact));
        foreach (var tensor in a.Tensors)
        {
            var original = b.GetTensor(tensor.Name);
            Assert.Equal(original.Shape, tensor.Shape);
            float[] x = All(tensor), y = All(original);
            var deviation = Math.Sqrt(y.Average(w => (double)w * w));
            var error = Math.Sqrt(SquareError(x, y));
            var bits = tensor.Format.BitsPerWeight;
            Assert.True(error <= deviation * (bits > 12 ? 5e-4 : bits > 8 ? 0.01 : bits > 6 ? 0.025 : bits > 5 ? 0.05 : 0.11) + 1e-9,
                $"{tensor}: {error} of {deviation}");
        }
    }

    /// <summary>A quantizer of ours must do about as well as llama.cpp's, on the same weights.</summary>
    [Theory]
    [InlineData("qwen2-tiny-Q4_K_M.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q6_K.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q5_0.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q4_0.gguf", "qwen2-tiny-f32.gguf")]
    [InlineData("qwen2-tiny-Q8_0.gguf", "qwen2-tiny-f32.gguf")]
    public void Our_quantizers_err_no_more_than_llama_cpps(string quantized, string exact)
    {
        using var a = ModelFile.Open(SharedData.Path("models", quantized));
        using var b = ModelFile.Open(SharedData.Path("models", exact));
        foreach (var tensor in a.Tensors.Where(t => t.Format != WeightFormat.F32))
        {
            float[] theirs = All(tensor), y = All(b.GetTensor(tensor.Name)), ours = new float[y.Length];
            var blocks = new byte[tensor.ByteLength];
            tensor.Format.Quantize(y, blocks);
            tensor.Format.Dequantize(blocks, ours);
            double Error(float[] x) => Math.Sqrt(SquareError(x, y));
            Assert.True(Error(ours) <= 1.06 * Error(theirs), $"{tensor}: ours {Error(ours)}, theirs {Error(theirs)}");
        }
    }

    static double SquareError(float[] x, float[] y)
    {
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++)
            sum += (double)(x[i] - y[i]) * (x[i] - y[i]);
        return sum / x.Length;
    }

    static float[] All(Tensor tensor)
    {
        var weights = new float[tensor.Rows * tensor.Columns];
        tensor.Dequantize(0, (int)tensor.Rows, weights);
        return weights;
    }
}
