using System.Globalization;

namespace Banyan.Runtime.Files.Gguf;

/// <summary>A GGUF model: one file, or the parts of a split one.</summary>
static class GgufModel
{
    /// <summary>Opens the model that <paramref name="path"/> is or is a part of.</summary>
    public static ModelFile Open(string path)
    {
        var mappings = new List<Mapping>();
        try
        {
            // 1. The named file. 2. If it is a part, its siblings by their names. 3. All tensors; the first part's metadata.
            var part = Read(path, mappings);
            var parts = new Metadata(path, part.Metadata).Get("split.count", (ushort)0) is > 1 and var count
                ? ReadAll(path, part, count, mappings)
                : [part];
            var tensors = parts.SelectMany(p => p.Tensors).ToList();
            if (tensors.GroupBy(t => t.Name).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
                throw new ModelFileException(path, $"tensor '{twice.Key}' is in two parts of the set; get all parts from one source");
            var first = parts[0].File.Path;
            var metadata = new Metadata(first, parts[0].Metadata);
            return new ModelFile(first, ModelFileKind.Gguf, metadata, ConfigKeys.OfGguf(metadata), tensors, mappings);
        }
        catch
        {
            mappings.ForEach(m => m.Dispose());
            throw;
        }
    }

    static GgufPart Read(string path, List<Mapping> mappings)
    {
        mappings.Add(new Mapping(path));
        return new GgufPart(mappings[^1]);
    }

    static List<GgufPart> ReadAll(string path, GgufPart opened, int count, List<Mapping> mappings)
    {
        var name = ModelPath.SplitPart().Match(path);
        if (!name.Success || int.Parse(name.Groups[2].ValueSpan, CultureInfo.InvariantCulture) != count)
            throw new ModelFileException(path,
                $"the file is one of {count} parts, so its name must end in -NNNNN-of-{count:D5}.gguf to find the others; give all parts their names back");

        string PathOf(int number) => $"{path[..name.Index]}-{number:D5}-of-{count:D5}.gguf";
        for (var number = 1; number <= count; number++)
            if (!File.Exists(PathOf(number)))
                throw new ModelFileException(path, $"part {number} of {count} is missing: {PathOf(number)}; download it beside the others");

        var parts = new List<GgufPart>();
        for (var number = 1; number <= count; number++)
        {
            var part = PathOf(number) == path ? opened : Read(PathOf(number), mappings);
            var metadata = new Metadata(part.File.Path, part.Metadata);
            if (metadata.Get<int>("split.no") != number - 1 || metadata.Get<int>("split.count") != count)
                throw new ModelFileException(part.File.Path,
                    $"it says it is part {metadata.Get<int>("split.no") + 1} of {metadata.Get<int>("split.count")}, where part {number} of {count} is expected; get all parts from one source");
            parts.Add(part);
        }
        var promised = new Metadata(parts[0].File.Path, parts[0].Metadata).Get("split.tensors.count", -1L);
        var found = parts.Sum(p => p.Tensors.Count);
        return promised == -1 || promised == found ? parts
            : throw new ModelFileException(path,
                $"the {count} parts hold {found} tensors, where 'split.tensors.count' promises {promised}; get all parts from one source");
    }
}
