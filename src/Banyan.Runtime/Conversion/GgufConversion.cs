using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.Quantization;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Conversion;

/// <summary>
/// A folder of safetensors as a GGUF file, with everything that llama.cpp reads from one: keys, tokenizer, chat template, and rows in its
/// order.
/// </summary>
public sealed class GgufConversion : IDisposable
{
    // Keys that only say here how a folder was read.
    static readonly string[] s_ours = ["tokenizer.ggml.eos_token_ids", "positions_skipped"];

    readonly ModelFile _gguf;
    readonly Quantizer _quantizer;

    /// <param name="folder">The model; open until the file is written.</param>
    /// <param name="type">The type of its matrices, of <see cref="Quantizer.Types"/>; null keeps them as they are.</param>
    /// <param name="importance">How much each weight matters; null if unknown.</param>
    /// <exception cref="ModelFileException">It is not the folder of a model, or a part is missing.</exception>
    /// <exception cref="ArgumentException">There is no such type, or it needs an importance matrix.</exception>
    public GgufConversion(ModelFile folder, string? type = null, ImportanceMatrix? importance = null)
    {
        if (folder.Kind != ModelFileKind.Safetensors)
            throw new ModelFileException(folder.Path, "is no folder of safetensors: only those become GGUF files");
        var config = new ConfigReader(folder).Read();
        var family = Family.Find(config.Architecture)!;
        var metadata = Metadata(folder, config, family, out var factors);
        List<Tensor> tensors = [.. folder.Tensors.Where(t => !Files.Safetensors.HuggingFaceTensorNames.IsLeftOut(t.Name))
            .Select(t => Ordered(t, config, family))];
        if (factors is not null && !tensors.Exists(t => t.Name == "rope_freqs.weight"))
            tensors.Add(Files.Safetensors.HuggingFaceReading.OfFloats("rope_freqs.weight", factors));
        // Whatever is no matrix is computed in floats; what GGUF has no format for becomes halves.
        for (var i = 0; i < tensors.Count; i++)
            if (WeightFormat.Made.Contains(tensors[i].Format))
                tensors[i] = tensors[i].As(WeightFormat.F16);
            else if (!TypeMix.IsQuantized(tensors[i].Name, tensors[i].Shape))
                tensors[i] = tensors[i].As(WeightFormat.F32);
        _gguf = new ModelFile(folder.Path, ModelFileKind.Gguf, metadata, ConfigKeys.OfGguf(metadata), tensors, []);
        _quantizer = type is null ? new Quantizer(_gguf) : new Quantizer(_gguf, type, importance);
    }

    /// <summary>Writes the file, whole or not at all. Weights are streamed.</summary>
    /// <param name="output">Where to; a file that is there is replaced.</param>
    /// <param name="progress">Called after each tensor.</param>
    /// <param name="cancellationToken">Cancels between pieces; nothing is left behind.</param>
    public void Write(string output, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        _quantizer.Write(output, progress, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _gguf.Dispose();

    static Metadata Metadata(ModelFile folder, Config config, Family family, out float[]? factors)
    {
        var (arch, keys) = (config.Architecture, new Dictionary<string, object>());
        factors = null;
        foreach (var (key, value) in folder.Metadata.All)
            if (!s_ours.Any(o => key == o || key == $"{arch}.{o}"))
                keys[key] = value;
        keys["general.type"] = "model";
        if (config.Attention.Rope?.Scaling is Llama3Scaling scaling)
        {
            // In GGUF a number for each frequency.
            var rope = config.Attention.Rope;
            factors = [.. Enumerable.Range(0, rope.Dimensions / 2).Select(pair =>
            {
                var frequency = Math.Pow(rope.Theta, -2.0 * pair / rope.Dimensions);
                return (float)(frequency / scaling.Scale(frequency, pair, rope));
            })];
            foreach (var key in (string[])["type", "factor", "low_freq_factor", "high_freq_factor"])
                keys.Remove($"{arch}.rope.scaling.{key}");
        }
        family.AddGgufKeys(keys);
        foreach (var (key, value) in TokenizerKeys.Of(folder.Folder, config.VocabularySize, family))
            keys.TryAdd(key, value);
        // The second of several ends an answer too.
        if (folder.Metadata.TryGet<uint[]>("tokenizer.ggml.eos_token_ids", out var ends) && ends.Length > 1)
            keys.TryAdd("tokenizer.ggml.eot_token_id", ends[1]);
        if (config.Pooling == Embeddings.Pooling.None && family.IsEncoder)
            keys[$"{arch}.pooling_type"] = (uint)Embeddings.Pooling.Mean;
        return new Metadata(folder.Path, keys);
    }

    // Where positions turn neighbours in GGUF and halves in safetensors, rows of queries and keys lie in that order.
    static Tensor Ordered(Tensor tensor, Config config, Family family) =>
        family.GgufName(tensor.Name) is var name && name != tensor.Name ? tensor.Named(name)
        : RopeOrder.Heads(tensor.Name, config, family) is { } heads ? RopeOrder.ToNeighbours(tensor, heads) : tensor;
}
