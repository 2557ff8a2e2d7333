using System.Text.Json;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>How hidden states become a vector, as a folder declares it: sentence-transformers' modules.json and the folders that it
/// names.</summary>
static class SentenceTransformers
{
    /// <summary>The matrices after the pooling, each in a folder of its own: <c>dense_2.weight</c> of 2_Dense.</summary>
    public static IEnumerable<(Mapping, SafetensorsPart.Entry)> Dense(string path, Func<string, SafetensorsPart> read)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (var number in (int[])[2, 3])
        {
            var own = Path.Combine(folder, $"{number}_Dense");
            if (!File.Exists(Path.Combine(own, "model.safetensors")))
                continue;
            if (JsonFile.Read(Path.Combine(own, "config.json")).String("activation_function") is { } activation
                && !activation.EndsWith("Identity", StringComparison.Ordinal))
                throw new ModelFileException(Path.Combine(own, "config.json"),
                    $"'activation_function' is {activation}, which is not implemented (Identity is)");
            var part = read(Path.Combine(own, "model.safetensors"));
            foreach (var entry in part.Entries.Values)
                yield return entry.Name == "linear.weight" ? (part.File, entry with { Name = $"dense_{number}.weight" })
                    : throw new ModelFileException(part.File.Path, $"nothing here computes with tensor '{entry.Name}'");
        }
    }

    public static void Read(string folder, HuggingFaceReading reading)
    {
        foreach (var number in (int[])[2, 3])
            if (JsonFile.Read(Path.Combine(folder, $"{number}_Dense", "config.json")) is var dense && dense.Has("in_features"))
            {
                reading.Set($"dense_{number}_feat_in", dense.Count("in_features"));
                reading.Set($"dense_{number}_feat_out", dense.Count("out_features"));
            }
        var pooling = JsonFile.Read(Path.Combine(folder, "1_Pooling", "config.json"));
        uint? type = pooling.Bool("pooling_mode_cls_token") == true ? 2u
            : pooling.Bool("pooling_mode_mean_tokens") == true ? 1u
            : pooling.Bool("pooling_mode_lasttoken") == true ? 3u
            : null;
        if (type is null && pooling.Root.EnumerateObject()
            .Any(p => p.Name.StartsWith("pooling_mode", StringComparison.Ordinal) && p.Value.ValueKind == JsonValueKind.True))
            throw new ModelFileException(Path.Combine(folder, "1_Pooling", "config.json"),
                "it pools in a way that is not implemented; pooling_mode_cls_token, _mean_tokens and _lasttoken are");
        if (!reading.Has("pooling_type") || type is not null)
            reading.Set("pooling_type", type);
    }
}
