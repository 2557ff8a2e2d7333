using System.Runtime.InteropServices;
using System.Text;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Synthesis;

/// <summary>
/// Makes models of published shapes with random weights, as large and as fast as the real ones, for benchmarks and tests. Two of them,
/// <c>copier</c> and <c>copier-1.5b</c>, have weights that copy text and replace names on the way.
/// </summary>
public static class Synthesizer
{
    const int ChunkBlocks = 4096;

    /// <summary>The known shapes.</summary>
    public static IReadOnlyList<ModelShape> Shapes => ModelShapes.All;

    /// <summary>The shape of a name; <c>NAME-6-layers</c> is one's first six layers, the rest as it is; <c>NAME-mtp</c> has a layer
    /// that guesses ahead, if the published model has. Null where there is none.</summary>
    public static ModelShape? Find(string name) => ModelShapes.Find(name);

    /// <summary>The known mixes of weight formats, by llama.cpp's names: <c>Q4_K_M</c>.</summary>
    public static IReadOnlyList<string> Types { get; } = [.. TypeMix.All.Where(m => RandomWeights.Makes(m.Format)).Select(m => m.Name)];

    /// <summary>A writer of the model; weights are generated only while it writes.</summary>
    /// <param name="shape">One of <see cref="Shapes"/>, or a shape of your own.</param>
    /// <param name="type">One of <see cref="Types"/>.</param>
    /// <param name="tokenizerFolder">A folder with vocab.json and merges.txt; null for a generated vocabulary of the right size.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <exception cref="ArgumentException">The type is unknown.</exception>
    /// <exception cref="Files.ModelFileException">
    /// The tokenizer folder lacks a file, or its vocabulary belongs to another family.
    /// </exception>
    public static GgufWriter Create(ModelShape shape, string type, string? tokenizerFolder = null, ulong seed = 1)
    {
        if (!TypeMix.TryGet(type, out var mix) || !RandomWeights.Makes(mix.Format))
            throw new ArgumentException($"unknown type '{type}'; known are {string.Join(", ", Types)}", nameof(type));
        if (shape.Copies && mix.Format.BlockWeights > 32)
            throw new ArgumentException(
                $"{shape.Name} in {type}: zeros have to stay 0, which blocks of 256 weights cannot promise; take Q8_0, Q4_0, F16, BF16 or F32", nameof(type));
        var copier = shape.Copies ? new Copier(shape, seed) : null;
        var writer = new GgufWriter();
        ShapeMetadata.Write(writer, shape, mix);
        VocabularyMetadata.Write(writer, shape, tokenizerFolder);
        foreach (var tensor in ShapeTensors.Of(shape))
        {
            var format = mix.FormatOf(tensor.Name, tensor.Shape,
                new(shape.Layers, shape.Embedding, shape.Tied, shape.Heads / Math.Max(1, shape.KvHeads), shape.Experts));
            writer.Add(tensor.Name, format, tensor.Shape, stream =>
            {
                if (copier is not null)
                    Write(stream, copier.Weights, tensor, format, isWhole: tensor.Layer is not null);
                else if (shape.Foresees && Foreseen.Has(tensor))
                    Write(stream, Foreseen.Weights, tensor, format, isWhole: false);
                else
                    Write(stream, tensor, format, shape, seed);
            });
        }
        return writer;
    }

    static void Write(Stream stream, Func<ShapeTensor, int, int, float[]> made, ShapeTensor tensor, WeightFormat format, bool isWhole)
    {
        // An embedding is made a few rows at a time: as floats it would take a gigabyte.
        var rows = (int)(tensor.Weights / tensor.Shape[^1]);
        for (int first = 0, count; first < rows; first += count)
        {
            count = Math.Min(isWhole ? rows : ChunkBlocks, rows - first);
            var weights = made(tensor, first, count);
            var blocks = new byte[format.ByteLength(weights.Length)];
            format.Quantize(weights, blocks);
            stream.Write(blocks);
        }
    }

    static void Write(Stream stream, ShapeTensor tensor, WeightFormat format, ModelShape shape, ulong seed)
    {
        if (tensor.Name == "rope_freqs.weight")
        {
            stream.Write(MemoryMarshal.AsBytes(ShapeMetadata.RopeDivisors(shape).AsSpan()));
            return;
        }
        if (tensor.Fill is not null || tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal))
        {
            var values = tensor.Fill ?? [.. Enumerable.Repeat(1f, (int)tensor.Weights)];
            var bytes = new byte[format.ByteLength(values.Length)];
            format.Quantize(values, bytes);
            stream.Write(bytes);
            return;
        }
        // A matrix whose weights have a standard deviation of 1/√columns preserves the size of its input, so activations stay finite at
        // any depth.
        var deviation = tensor.Shape.Length == 1 ? 0.02 : 1 / Math.Sqrt(tensor.Shape[^1]);
        var random = new RandomWeights(format, deviation, seed * 0x9E3779B97F4A7C15 ^ Hash(tensor.Name));
        var chunk = new byte[format.BlockBytes * ChunkBlocks];
        for (var left = format.ByteLength(tensor.Weights); left > 0;)
        {
            var bytes = chunk.AsSpan(0, (int)Math.Min(left, chunk.Length));
            random.Fill(bytes);
            stream.Write(bytes);
            left -= bytes.Length;
        }
    }

    /// <summary>FNV-1a: the same in every process, unlike string.GetHashCode.</summary>
    static ulong Hash(string text) => Encoding.UTF8.GetBytes(text).Aggregate(0xCBF29CE484222325, (hash, b) => (hash ^ b) * 0x100000001B3);
}
