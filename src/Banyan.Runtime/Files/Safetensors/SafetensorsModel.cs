using System.Text.Json;
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
            var entries = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                ? ReadShards(path, mappings)
                : [.. Read(path, mappings).Entries.Values.Select(e => (mappings[0], e))];
            var metadata = new Metadata(path, HuggingFaceMetadata.Read(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, out var tied, out var keys, out var family));
            var tensors = Name(path, entries, tied == true, family.HuggingFace.Tensors);
            // A language model whose output matrix is its own would otherwise compute with the embedding.
            if (tied == false && tensors.Exists(t => t.Name == "token_embd.weight") && !tensors.Exists(t => t.Name == "output.weight") && entries.Exists(e => e.Item2.Name.StartsWith("model.", StringComparison.Ordinal)))
                throw new ModelFileException(path, "'tie_word_embeddings' is false in config.json, and there is no lm_head.weight: files are missing, or the config is another model's");
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
        var map = index.Object("weight_map") ?? throw new ModelFileException(path, "it has no object 'weight_map' and so is no safetensors index; name the model's folder or its .safetensors file");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var shards = new Dictionary<string, SafetensorsPart>();
        var entries = new List<(Mapping, SafetensorsPart.Entry)>();
        foreach (var property in map.Root.EnumerateObject())
        {
            var shard = property.Value.ValueKind == JsonValueKind.String ? map.Text(property.Value) : throw map.Wrong(property.Name, property.Value, "the name of a file");
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
                throw new ModelFileException(path, $"tensor '{property.Name}' is not in {shard}, where the index has it; get index and shards from one source");
            entries.Add((part.File, entry));
        }
        return entries;
    }

    static List<Tensor> Name(string path, List<(Mapping File, SafetensorsPart.Entry Entry)> entries, bool tied, IReadOnlyDictionary<string, string> familys)
    {
        var tensors = new List<Tensor>();
        var experts = new Dictionary<string, SortedDictionary<int, (Mapping File, SafetensorsPart.Entry Entry)>>();
        foreach (var (file, entry) in entries)
        {
            var (name, expert) = HuggingFaceTensorNames.Translate(entry.Name, familys);
            if (name is null || (tied && name == "output.weight"))
                continue;
            if (expert is { } number)
            {
                if (!experts.TryGetValue(name, out var set))
                    experts[name] = set = [];
                if (!set.TryAdd(number, (file, entry)))
                    throw new ModelFileException(path, $"expert {number} of '{name}' is there twice; the file is damaged or its writer is at fault");
            }
            else
            {
                tensors.Add(new Tensor(name, FormatOf(path, entry), CheckShape(path, entry), new Tensor.Part(file, entry.Offset)));
            }
        }
        foreach (var (name, set) in experts)
        {
            var first = set.Values.First().Entry;
            foreach (var (number, (_, entry)) in set)
                if (!entry.Shape.SequenceEqual(first.Shape) || entry.Type != first.Type || number >= set.Count)
                    throw new ModelFileException(path, $"the experts of '{name}' are not 0 to {set.Count - 1} of one shape: '{entry.Name}' is [{string.Join(", ", entry.Shape)}] {entry.Type}; the file is incomplete: download it again");
            tensors.Add(new Tensor(name, FormatOf(path, first), [set.Count, .. CheckShape(path, first)], [.. set.Values.Select(e => new Tensor.Part(e.File, e.Entry.Offset))]));
        }
        return tensors.GroupBy(t => t.Name).FirstOrDefault(g => g.Skip(1).Any()) is { } twice
            ? throw new ModelFileException(path, $"two tensors mean '{twice.Key}'; the file is damaged or its writer is at fault")
            : tensors;
    }

    static WeightFormat FormatOf(string path, SafetensorsPart.Entry entry) =>
        WeightFormat.TryGet(entry.Type, out var format) && format.BlockWeights == 1 ? format
        : throw new ModelFileException(path, $"tensor '{entry.Name}' has dtype {entry.Type}, which cannot be computed with; get the model in F32, F16 or BF16, or as GGUF");

    static long[] CheckShape(string path, SafetensorsPart.Entry entry) =>
        entry.Shape.All(size => size > 0) && (entry.Shape.Length == 0 || entry.Shape[^1] <= Tensor.MostColumns) ? entry.Shape
        : throw new ModelFileException(path, $"tensor '{entry.Name}' [{string.Join(", ", entry.Shape)}] has a dimension of zero or rows beyond {Tensor.MostColumns} weights; the file is damaged: download it again");
}
