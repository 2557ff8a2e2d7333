using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Files.Safetensors;

/// <summary>
/// A folder whose matrices are quantized as published tools do it, written by the layouts' descriptions alone, with the values that they
/// stand for.
/// </summary>
sealed class QuantizedFolder
{
    /// <summary>A tensor of a file.</summary>
    public sealed record Part(string Name, string Type, long[] Shape, byte[] Bytes);

    /// <summary>A matrix [rows, columns] as a layout has it: its parts, and its values.</summary>
    public delegate float[] Layout(string module, float[] weights, int rows, int columns, List<Part> parts);

    public const string Base = "families/llama3";

    static readonly float[] s_fp4 = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    public Dictionary<string, float[]> Values { get; } = [];

    public List<Part> Parts { get; } = [];

    public string Folder { get; }

    /// <param name="folder">Where to.</param>
    /// <param name="quantization">What config.json says.</param>
    /// <param name="layout">How.</param>
    /// <param name="which">Which matrices: part of their names.</param>
    public QuantizedFolder(string folder, string quantization, Layout layout, string which)
    {
        Folder = folder;
        using (var file = ModelFile.Open(SharedData.Path("models", $"{Base}.gguf")))
            new FolderConversion(file, "F32").Write(folder);
        var plain = Path.Combine(folder, "model.safetensors");
        foreach (var (name, shape, values) in Read(plain))
            if (name.Contains("_proj.weight", StringComparison.Ordinal) && name.Contains(which, StringComparison.Ordinal))
                Values[name] = layout(name[..^".weight".Length], values, (int)shape[0], (int)shape[1], Parts);
            else
                Parts.Add(new(name, "F32", shape, Of(values)));
        Write(plain, Parts);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config["quantization_config"] = JsonNode.Parse(quantization);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
    }

    /// <summary>The same model with those values as floats.</summary>
    public void WriteDequantized(string folder)
    {
        using (var file = ModelFile.Open(SharedData.Path("models", $"{Base}.gguf")))
            new FolderConversion(file, "F32").Write(folder);
        var path = Path.Combine(folder, "model.safetensors");
        Write(path, [.. Read(path).Select(t => new Part(t.Name, "F32", t.Shape, Of(Values.GetValueOrDefault(t.Name, t.Values))))]);
    }

    public static void Write(string path, IReadOnlyList<Part> parts)
    {
        var (header, offset) = (new JsonObject(), 0L);
        foreach (var part in parts)
            header[part.Name] = new JsonObject
            {
                ["dtype"] = part.Type,
                ["shape"] = new JsonArray([.. part.Shape.Select(n => (JsonNode)n)]),
                ["data_offsets"] = new JsonArray(offset, offset += part.Bytes.Length)
            };
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var stream = File.Create(path);
        stream.Write(BitConverter.GetBytes((long)json.Length));
        stream.Write(json);
        foreach (var part in parts)
            stream.Write(part.Bytes);
    }

    static List<(string Name, long[] Shape, float[] Values)> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)BitConverter.ToInt64(bytes);
        return [.. JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject().Where(p => p.Key != "__metadata__")
            .Select(p => (p.Key, p.Value!["shape"]!.AsArray().Select(n => (long)n!).ToArray(),
            Floats(bytes.AsSpan(8 + length + (int)p.Value["data_offsets"]![0]!,
                (int)p.Value["data_offsets"]![1]! - (int)p.Value["data_offsets"]![0]!))))];
    }

    static float[] Floats(ReadOnlySpan<byte> bytes) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).ToArray();

    static byte[] Of(float[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values).ToArray();

    static byte[] Halves(IEnumerable<float> values) => [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))];

    /// <summary>FP8 with a scale for blocks of so many rows and columns.</summary>
    public static Layout Fp8(string scaleName, int blockRows, int blockColumns) => (module, w, rows, columns, parts) =>
    {
        var (height, width) = (Math.Min(blockRows, rows), Math.Min(blockColumns, columns));
        var (down, across) = ((rows + height - 1) / height, (columns + width - 1) / width);
        var scales = new float[down * across];
        for (var i = 0; i < w.Length; i++)
            scales[i / columns / height * across + i % columns / width] =
                Math.Max(scales[i / columns / height * across + i % columns / width], Math.Abs(w[i]) / 448);
        var (codes, values) = (new byte[w.Length], new float[w.Length]);
        for (var i = 0; i < w.Length; i++)
        {
            var scale = scales[i / columns / height * across + i % columns / width];
            codes[i] = ToE4M3(w[i] / scale);
            values[i] = scale * E4M3(codes[i]);
        }
        parts.Add(new(module + ".weight", "F8_E4M3", [rows, columns], codes));
        parts.Add(new(module + scaleName, "F32", down * across == 1 ? [] : [down, across], Of(scales)));
        parts.Add(new(module + ".input_scale", "F32", [], Of([1])));
        return values;
    };

    static readonly float[] s_e4m3 = [.. Enumerable.Range(0, 256).Select(Defined)];

    static readonly byte[] s_ascending =
        [.. Enumerable.Range(0, 256).Where(c => (c & 127) != 127 && c != 128).OrderBy(c => s_e4m3[c]).Select(c => (byte)c)];

    static float E4M3(int code) => s_e4m3[code];

    // By the definition: s eeee mmm, bias 7.
    static float Defined(int code)
    {
        var (sign, e, m) = (code >> 7 == 0 ? 1.0 : -1, code >> 3 & 15, code & 7);
        return (float)(sign * (e == 0 ? m / 8.0 * Math.Pow(2, -6) : (1 + m / 8.0) * Math.Pow(2, e - 7)));
    }

    static byte ToE4M3(float x)
    {
        var (low, high) = (0, s_ascending.Length - 1);
        while (high - low > 1)
            if (s_e4m3[s_ascending[(low + high) / 2]] <= x)
                low = (low + high) / 2;
            else
                high = (low + high) / 2;
        return Math.Abs(s_e4m3[s_ascending[low]] - x) <= Math.Abs(s_e4m3[s_ascending[high]] - x) ? s_ascending[low] : s_ascending[high];
    }

    /// <summary>Numbers of some bits in groups along rows: codes [rows, columns], scales and zeros [rows, groups].</summary>
    static (int[] Codes, float[] Scales, int[] Zeros, float[] Values) Integers(float[] w, int rows, int columns, int bits, int size,
        bool symmetric, int[] groupOf)
    {
        var (groups, most) = ((columns + size - 1) / size, (1 << bits) - 1);
        var (codes, scales, zeros, values) = (new int[w.Length], new float[rows * groups], new int[rows * groups], new float[w.Length]);
        for (var row = 0; row < rows; row++)
            for (var group = 0; group < groups; group++)
            {
                float[] own = [.. Enumerable.Range(0, columns).Where(c => groupOf[c] == group).Select(c => w[row * columns + c])];
                var (low, high) = (Math.Min(0, own.Min()), Math.Max(0, own.Max()));
                var (scale, zero) = symmetric ? (Math.Max(-low, high) * 2 / most, 1 << (bits - 1))
                    : ((high - low) / most, (int)MathF.Round(-low / ((high - low) / most)));
                scales[row * groups + group] = (float)(Half)scale;
                zeros[row * groups + group] = Math.Clamp(zero, 1, most);
            }
        for (var i = 0; i < w.Length; i++)
        {
            var at = i / columns * groups + groupOf[i % columns];
            codes[i] = Math.Clamp((int)MathF.Round(w[i] / scales[at]) + zeros[at], 0, most);
            values[i] = scales[at] * (codes[i] - zeros[at]);
        }
        return (codes, scales, zeros, values);
    }

    /// <summary>A line of numbers as little-endian bits in words.</summary>
    static uint[] Words(IEnumerable<int> numbers, int bits)
    {
        var (words, at) = (new List<uint>(), 0);
        foreach (var number in numbers)
            for (var b = 0; b < bits; b++, at++)
            {
                if (at % 32 == 0)
                    words.Add(0);
                words[^1] |= (uint)(number >> b & 1) << at % 32;
            }
        return [.. words];
    }

    static byte[] Bytes(uint[] words) => [.. words.SelectMany(BitConverter.GetBytes)];

    public static Layout Gptq(int bits, int size, bool symmetric, bool shuffled, int version) => (module, w, rows, columns, parts) =>
    {
        var group = Math.Min(size, columns);
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(c => shuffled ? c * 7 % columns / group : c / group)];
        var (codes, scales, zeros, values) = Integers(w, rows, columns, bits, group, symmetric, groupOf);
        var groups = (columns + group - 1) / group;
        // Columns of the matrix that the file has are outputs: each is packed along the inputs.
        uint[][] lines = [.. Enumerable.Range(0, rows).Select(r => Words(codes.Skip(r * columns).Take(columns), bits))];
        parts.Add(new(module + ".qweight", "I32", [lines[0].Length, rows],
            Bytes([.. Enumerable.Range(0, lines[0].Length).SelectMany(word => lines.Select(l => l[word]))])));
        parts.Add(new(module + ".qzeros", "I32", [groups, rows * bits / 32],
            Bytes([.. Enumerable.Range(0, groups)
                .SelectMany(g => Words(Enumerable.Range(0, rows).Select(r => zeros[r * groups + g] - (version == 1 ? 1 : 0)), bits))])));
        parts.Add(new(module + ".scales", "F16", [groups, rows],
            Halves(Enumerable.Range(0, groups).SelectMany(g => Enumerable.Range(0, rows).Select(r => scales[r * groups + g])))));
        parts.Add(new(module + ".g_idx", "I32", [columns], Bytes([.. groupOf.Select(g => (uint)g)])));
        return values;
    };

    public static Layout Awq(int size) => (module, w, rows, columns, parts) =>
    {
        int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(c => c / size)];
        var (codes, scales, zeros, values) = Integers(w, rows, columns, 4, size, false, groupOf);
        var groups = columns / size;
        uint[] Pack(Func<int, int> number) =>
            [.. Enumerable.Range(0, rows / 8)
                .Select(word => Enumerable.Range(0, 8).Select(n => (uint)number(word * 8 + order[n]) << 4 * n).Aggregate((a, b) => a | b))];
        parts.Add(new(module + ".qweight", "I32", [columns, rows / 8],
            Bytes([.. Enumerable.Range(0, columns).SelectMany(c => Pack(r => codes[r * columns + c]))])));
        parts.Add(new(module + ".qzeros", "I32", [groups, rows / 8],
            Bytes([.. Enumerable.Range(0, groups).SelectMany(g => Pack(r => zeros[r * groups + g]))])));
        parts.Add(new(module + ".scales", "F16", [groups, rows],
            Halves(Enumerable.Range(0, groups).SelectMany(g => Enumerable.Range(0, rows).Select(r => scales[r * groups + g])))));
        return values;
    };

    public static Layout Packed(int bits, int size, bool symmetric) => (module, w, rows, columns, parts) =>
    {
        var group = Math.Min(size, columns);
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(c => c / group)];
        var (codes, scales, zeros, values) = Integers(w, rows, columns, bits, group, symmetric, groupOf);
        var groups = columns / group;
        var words = Enumerable.Range(0, rows).Select(r => Words(codes.Skip(r * columns).Take(columns), bits)).ToArray();
        parts.Add(new(module + ".weight_packed", "I32", [rows, words[0].Length], Bytes([.. words.SelectMany(x => x)])));
        parts.Add(new(module + ".weight_scale", "F16", [rows, groups], Halves(scales)));
        parts.Add(new(module + ".weight_shape", "I64", [2],
            [.. BitConverter.GetBytes((long)rows), .. BitConverter.GetBytes((long)columns)]));
        if (symmetric)
            return values;
        uint[][] lines =
            [.. Enumerable.Range(0, groups).Select(g => Words(Enumerable.Range(0, rows).Select(r => zeros[r * groups + g]), bits))];
        parts.Add(new(module + ".weight_zero_point", "I32", [lines[0].Length, groups],
            Bytes([.. Enumerable.Range(0, lines[0].Length).SelectMany(word => lines.Select(l => l[word]))])));
        return values;
    };

    public static Layout Int8 => (module, w, rows, columns, parts) =>
    {
        var (codes, scales, _, values) = Integers(w, rows, columns, 8, columns, true, new int[columns]);
        parts.Add(new(module + ".weight", "I8", [rows, columns], [.. codes.Select(c => (byte)(c - 128))]));
        parts.Add(new(module + ".weight_scale", "F32", [rows, 1], Of(scales)));
        return values;
    };

    static (byte[] Nibbles, float[] Values) Fp4(float[] w, Func<int, float> scale)
    {
        var (nibbles, values) = (new byte[w.Length / 2], new float[w.Length]);
        for (var i = 0; i < w.Length; i++)
        {
            var (x, s) = (w[i], scale(i));
            var code = 0;
            for (var c = 1; c < 16; c++)
                if (Math.Abs(s_fp4[c] * s - x) < Math.Abs(s_fp4[code] * s - x))
                    code = c;
            nibbles[i / 2] |= (byte)(code << 4 * (i % 2));
            values[i] = s_fp4[code] * s;
        }
        return (nibbles, values);
    }

    public static Layout Mxfp4 => (module, w, rows, columns, parts) =>
    {
        byte[] scales = [.. w.Chunk(32).Select(block => (byte)(Math.Floor(Math.Log2(block.Max(Math.Abs))) - 2 + 127))];
        var (nibbles, values) = Fp4(w, i => MathF.Pow(2, scales[i / 32] - 127));
        parts.Add(new(module + ".weight_packed", "U8", [rows, columns / 2], nibbles));
        parts.Add(new(module + ".weight_scale", "U8", [rows, columns / 32], scales));
        return values;
    };

    public static Layout Nvfp4(bool modelOpt) => (module, w, rows, columns, parts) =>
    {
        const float All = 1 / 1024f;
        byte[] scales = [.. w.Chunk(16).Select(block => ToE4M3(block.Max(Math.Abs) / 6 / All))];
        var (nibbles, values) = Fp4(w, i => E4M3(scales[i / 16]) * All);
        parts.Add(new(module + (modelOpt ? ".weight" : ".weight_packed"), "U8", [rows, columns / 2], nibbles));
        parts.Add(new(module + ".weight_scale", "F8_E4M3", [rows, columns / 16], scales));
        parts.Add(new(module + (modelOpt ? ".weight_scale_2" : ".weight_global_scale"), "F32", [1], Of([modelOpt ? All : 1 / All])));
        return values;
    };
}
