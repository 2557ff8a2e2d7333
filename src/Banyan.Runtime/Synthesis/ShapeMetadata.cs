using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Synthesis;

/// <summary>The hyper-parameters of a shape as GGUF metadata, under the keys llama.cpp's converter writes.</summary>
static class ShapeMetadata
{
    public static void Write(GgufWriter writer, ModelShape shape, TypeMix mix)
    {
        var arch = shape.Architecture;
        if (shape.Text is { } text)
        {
            Begin(writer, shape, mix);
            foreach (var (key, value) in text.Keys(shape.Layers))
                writer.Set($"{arch}.{key}", value);
            if (shape.Predicts)
                writer.Set($"{arch}.nextn_predict_layers", 1u);
            return;
        }
        Begin(writer, shape, mix)
            .Set($"{arch}.context_length", (uint)shape.Context)
            .Set($"{arch}.embedding_length", (uint)shape.Embedding)
            .Set($"{arch}.feed_forward_length", (uint)shape.FeedForward)
            .Set($"{arch}.attention.head_count", (uint)shape.Heads)
            .Set($"{arch}.attention.head_count_kv", (uint)shape.KvHeads)
            .Set($"{arch}.attention.layer_norm_rms_epsilon", shape.RmsEpsilon)
            .Set($"{arch}.attention.key_length", (uint)shape.HeadSize)
            .Set($"{arch}.attention.value_length", (uint)shape.HeadSize)
            .Set($"{arch}.rope.freq_base", shape.RopeBase)
            .Set($"{arch}.rope.dimension_count", (uint)(shape.Turning > 0 ? shape.Turning : shape.HeadSize));
        if (shape.Experts > 0)
            writer.Set($"{arch}.expert_count", (uint)shape.Experts)
                .Set($"{arch}.expert_used_count", (uint)shape.ExpertsUsed)
                .Set($"{arch}.expert_feed_forward_length", (uint)shape.ExpertFeedForward);
    }

    static GgufWriter Begin(GgufWriter writer, ModelShape shape, TypeMix mix) => writer
        .Set("general.architecture", shape.Architecture)
        .Set("general.type", "model")
        .Set("general.name",
            $"{shape.Title} (synthesized: {(shape.Copies ? "it copies" : shape.Foresees ? "always right about its next tokens" : "random weights")})")
        .Set("general.file_type", mix.FileType)
        .Set("general.quantization_version", 2u)
        .Set($"{shape.Architecture}.block_count", (uint)(shape.Layers + (shape.Predicts ? 1 : 0)))
        .Set($"{shape.Architecture}.vocab_size", (uint)shape.Vocabulary);

    /// <summary>
    /// Llama 3's scaling in the form of rope_freqs.weight, a divisor for each frequency: 1 for short wavelengths, the factor for long
    /// ones, and a smooth transition between (Llama 3.1's reference implementation: low factor 1, high factor 4, original context 8192).
    /// </summary>
    public static float[] RopeDivisors(ModelShape shape)
    {
        const double low = 1, high = 4, context = 8192;
        double factor = shape.RopeFactor ?? 1;
        return [.. Enumerable.Range(0, shape.HeadSize / 2).Select(i =>
        {
            var wave = 2 * Math.PI * Math.Pow(shape.RopeBase, 2.0 * i / shape.HeadSize);
            if (wave < context / high)
                return 1f;
            if (wave > context / low)
                return (float)factor;
            var smooth = (context / wave - low) / (high - low);
            return (float)(1 / ((1 - smooth) / factor + smooth));
        })];
    }
}
