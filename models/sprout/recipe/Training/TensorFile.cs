using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>Tensors in safetensors form (github.com/huggingface/safetensors, "Format"), F32 for checkpoints and F16 for release.</summary>
internal static class TensorFile
{
    public static void Save(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, bool half, Dictionary<string, string> metadata)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject(metadata.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))) };
        var blocks = new List<byte[]>();
        long offset = 0;
        foreach (var (name, tensor) in tensors)
        {
            using var flat = tensor.detach().to(half ? ScalarType.Float16 : ScalarType.Float32).contiguous();
            byte[] bytes = flat.bytes.ToArray();
            header[name] = new JsonObject
            {
                ["dtype"] = half ? "F16" : "F32",
                ["shape"] = new JsonArray([.. tensor.shape.Select(n => (JsonNode)n)]),
                ["data_offsets"] = new JsonArray(offset, offset + bytes.Length),
            };
            offset += bytes.Length;
            blocks.Add(bytes);
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        int padding = (8 - (json.Length % 8)) % 8;
        string temporary = path + ".partial";
        using (var file = File.Create(temporary))
        {
            file.Write(BitConverter.GetBytes((long)(json.Length + padding)));
            file.Write(json);
            file.Write("        "u8[..padding]);
            blocks.ForEach(block => file.Write(block));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Copies an F32 file's tensors into those of the same name; returns its metadata.</summary>
    public static Dictionary<string, string> Load(string path, IEnumerable<KeyValuePair<string, Tensor>> into)
    {
        byte[] file = File.ReadAllBytes(path);
        int headerLength = (int)BitConverter.ToInt64(file);
        var header = JsonNode.Parse(file.AsSpan(8, headerLength))!.AsObject();
        using var noGradient = no_grad();
        foreach (var (name, tensor) in into)
        {
            var range = header[name]!["data_offsets"]!.AsArray();
            var bytes = file.AsSpan(8 + headerLength + (int)range[0]!, (int)range[1]! - (int)range[0]!);
            using var read = torch.tensor(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).ToArray()).view(tensor.shape);
            tensor.copy_(read);
        }

        return header["__metadata__"]!.AsObject().ToDictionary(m => m.Key, m => (string)m.Value!);
    }
}
