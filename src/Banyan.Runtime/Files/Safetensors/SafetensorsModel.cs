using System.Text.Json;
using Banyan.Runtime.Files.Safetensors.Quantized;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>A model of safetensors files: one, or shards with an index; with config.json beside them.</summary>
static class SafetensorsModel
{
    public static ModelFile Open(string path)
    {
        var mappings = new List<Mapping>();
        try
        {
            // 1. Headers of the file or the shards. 2. config.json and its like as GGUF metadata. 3. Tensors under GGUF names.
            List<(Mapping, SafetensorsPart.Entry)> entries = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                ? ReadShards(path, mappings)
                : [.. Read(path, mappings).Entries.Values.Select(e => (mappings[0], e))];
            var read = HuggingFaceMetadata.Read(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, out var tied,
                out var keys, out var family, out var quantization, out var reading);
            entries.AddRange(SentenceTransformers.Dense(path, file => Read(file, mappings)));
            if (family.HuggingFace.HasPrediction && PredictionNames.Are(entries.Select(e => e.Item2.Name)))
            {
                entries = [.. entries.Select(e => (e.Item1, e.Item2 with { Name = PredictionNames.Read(e.Item2.Name, reading.Layers) }))];
                reading.AddPrediction();
            }
            var metadata = new Metadata(path, read);
            var tensors = Shape(path, metadata, family,
                [.. Name(path, QuantizedTensors.Read(path, entries, quantization), tied == true, family.HuggingFace.Tensors),
                    .. reading.Tensors], reading.Changes);
            // A language model whose output matrix is its own would otherwise compute with the embedding.
            if (tied == false && tensors.Exists(t => t.Name == "token_embd.weight") && !tensors.Exists(t => t.Name == "output.weight")
                && entries.Exists(e => e.Item2.Name.StartsWith("model.", StringComparison.Ordinal)))
                throw new ModelFileException(path,
                    "'tie_word_embeddings' is false in config.json, and there is no lm_head.weight: files are missing, or the config is another model's");
            return new ModelFile(path, ModelFileKind.Safetensors, metadata, keys, tensors, mappings);
        }
        catch
        {
            mappings.ForEach(m => m.Dispose());
            throw;
        }
    }

    static SafetensorsPart Read(string path, List<Mapping> mappings)
    {
        mappings.Add(new Mapping(path));
        return new SafetensorsPart(mappings[^1]);
    }

    static List<(Mapping, SafetensorsPart.Entry)> ReadShards(string path, List<Mapping> mappings)
    {
        var index = JsonFile.Read(path);
        var map = index.Object("weight_map")
            ?? throw new ModelFileException(path,
                "it has no object 'weight_map' so it is not a safetensors index; name the model's folder or its .safetensors file");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var shards = new Dictionary<string, SafetensorsPart>();
        var entries = new List<(Mapping, SafetensorsPart.Entry)>();
        foreach (var property in map.Root.EnumerateObject())
        {
            var shard = property.Value.ValueKind == JsonValueKind.String ? map.Text(property.Value)
                : throw map.Wrong(property.Name, property.Value, "the name of a file");
            if (!shards.TryGetValue(shard, out var part))
            {
                // The index must not lead out of the folder.
                if (shard.Length == 0 || shard.AsSpan().ContainsAny("/\\:\0") || shard is "." or "..")
                    throw map.Wrong(property.Name, property.Value, "the name of a file in the same folder");
                var file = System.IO.Path.Combine(folder, shard);
                if (!File.Exists(file))
                    throw new ModelFileException(path, $"shard {shard} is missing; download it beside the others");
                shards[shard] = part = Read(file, mappings);
            }
            if (!part.Entries.TryGetValue(property.Name, out var entry))
                throw new ModelFileException(path,
                    $"tensor '{property.Name}' is not in {shard}, where the index has it; get index and shards from one source");
            entries.Add((part.File, entry));
        }
        return entries;
    }

    // Under GGUF's names, and those of each expert in one.
    static List<Tensor> Name(string path, IReadOnlyList<Tensor> theirs, bool tied, IReadOnlyDictionary<string, string> familys)
    {
        var tensors = new List<Tensor>();
        var experts = new Dictionary<string, SortedDictionary<int, Tensor>>();
        foreach (var tensor in theirs)
        {
            var (name, expert) = HuggingFaceTensorNames.Translate(tensor.Name, familys);
            if (name is null || (tied && name == "output.weight"))
                continue;
            if (expert is { } number)
            {
                if (!experts.TryGetValue(name, out var set))
                    experts[name] = set = [];
                if (!set.TryAdd(number, tensor))
                    throw new ModelFileException(path,
                        $"expert {number} of '{name}' is there twice; the file is damaged or its writer is at fault");
            }
            else
            {
                tensors.Add(tensor.Named(name));
            }
        }
        foreach (var (name, set) in experts)
        {
            var first = set.Values.First();
            foreach (var (number, tensor) in set)
                if (!tensor.Shape.SequenceEqual(first.Shape) || tensor.Format != first.Format || number >= set.Count)
                    throw new ModelFileException(path,
                        $"the experts of '{name}' are not 0 to {set.Count - 1} of one shape: '{tensor.Name}' is [{string.Join(", ", tensor.Shape)}] {tensor.Format}; the file is incomplete: download it again");
            tensors.Add(Tensor.Stack(name, [.. set.Values]));
        }
        return tensors;
    }

    // In GGUF's form, but for the order of rows that rotary pairs have: the layers compute with either.
    static List<Tensor> Shape(string path, Metadata metadata, Family family, IReadOnlyList<Tensor> tensors, List<Action<TensorSet>> changes)
    {
        var set = new TensorSet(path, tensors, key => metadata.Get($"{family.Architecture}.{key}", 0L));
        foreach (var form in family.HuggingFace.Forms)
            form.Read(set);
        foreach (var change in changes)
            change(set);
        return [.. set.Tensors];
    }
}
