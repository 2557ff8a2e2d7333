using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Conversion;

/// <summary>A GGUF file as a folder of safetensors, config.json, tokenizer and chat template, as transformers has them.</summary>
public sealed class FolderConversion
{
    const long MostShardBytes = 5L << 30;

    readonly ModelFile _file;
    readonly Family _family;
    readonly int _layers;
    readonly WeightFormat _format;
    readonly JsonObject _config;
    readonly List<Tensor> _tensors, _dense = [];

    /// <param name="file">A GGUF file; open until the folder is written.</param>
    /// <param name="type">F32, F16 or BF16; null keeps the file's own type, or BF16 where it is quantized.</param>
    /// <exception cref="ModelFileException">It is not a GGUF file, or its family cannot be written as a folder.</exception>
    /// <exception cref="ArgumentException">There is no such type.</exception>
    public FolderConversion(ModelFile file, string? type = null)
    {
        if (file.Kind != ModelFileKind.Gguf)
            throw new ModelFileException(file.Path, "is not a GGUF file: only those become folders");
        var config = new ConfigReader(file).Read();
        (_file, _family, _layers) = (file, Family.Find(config.Architecture)!, config.Layers);
        if (_family.HuggingFace.ModelTypes.Length == 0)
            throw new ModelFileException(file.Path, $"folders of architecture '{config.Architecture}' are not read or written");
        var own = file.GetTensor("token_embd.weight").Format;
        _format = type is null ? own.TorchType is not null ? own : WeightFormat.BF16
            : WeightFormat.TryGet(type.ToUpperInvariant(), out var format) && format.TorchType is not null ? format
            : throw new ArgumentException($"'{type}' is no type of safetensors that is written here: {WeightFormat.TorchNames}");
        var tied = !file.TryGetTensor("output.weight", out _);
        var set = new TensorSet(file.Path, file.Tensors.Select(t => t.Named(EndOf(t.Name))),
            key => file.Metadata.TryGet<object>($"{config.Architecture}.{key}", out var v) && v is not Array && v is not string and not bool
                ? Convert.ToInt64(v, CultureInfo.InvariantCulture) : 0);
        foreach (var tensor in set.Tensors)
            if (RopeOrder.Heads(tensor.Name, config, _family) is { } heads)
                set.Replace(tensor.Name, tensor.Name, t => RopeOrder.ToHalves(t, heads));
        _config = Config(file, config, set, tied);
        foreach (var form in _family.HuggingFace.Forms.Reverse())
            form.Write(set);
        foreach (var name in (string[])["dense_2.weight", "dense_3.weight"])
            if (set.Take(name, out var dense))
                _dense.Add(dense);
        _tensors = [.. set.Tensors];
    }

    /// <summary>
    /// Writes the folder's files, each whole or not at all; config.json, without which the folder is not a model, is written last. Weights
    /// are streamed.
    /// </summary>
    /// <param name="folder">Created if missing.</param>
    /// <param name="progress">Called after each tensor.</param>
    /// <param name="cancellationToken">Cancels between tensors.</param>
    public void Write(string folder, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        // A tensor, or one for each expert, by the names of transformers.
        var written = _tensors.SelectMany(Named).ToList();
        Directory.CreateDirectory(folder);
        var (done, total) = (0L, written.Sum(Bytes));
        var shards = new List<List<Tensor>> { new() };
        var size = 0L;
        foreach (var tensor in written)
        {
            if (size > 0 && size + Bytes(tensor) > MostShardBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += Bytes(tensor);
        }
        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var name = shards.Count == 1 ? "model.safetensors" : $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            var writer = new SafetensorsWriter().Set("format", "pt");
            foreach (var tensor in shards[i])
            {
                map[tensor.Name] = name;
                writer.Add(tensor.Name, _format.Name, tensor.Shape, stream =>
                {
                    Copy(tensor.As(_format), stream, cancellationToken);
                    progress?.Report(new LoadProgress(done += Bytes(tensor), total));
                });
            }
            WholeFile.Write(Path.Combine(folder, name), stream => writer.WriteTo(stream));
        }
        if (shards.Count > 1)
            WriteJson(folder, "model.safetensors.index.json",
                new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map });
        if (_file.Metadata.Contains("tokenizer.ggml.tokens"))
            TokenizerFiles.Write(_file, folder);
        WritePooling(folder);
        WriteJson(folder, "config.json", _config);
    }

    long Bytes(Tensor tensor) => tensor.Rows * _format.ByteLength(tensor.Columns);

    static void Copy(Tensor tensor, Stream stream, CancellationToken cancellationToken)
    {
        var rows = (int)Math.Clamp((4 << 20) / Math.Max(1, tensor.RowBytes), 1, tensor.Rows);
        var bytes = new byte[rows * tensor.RowBytes];
        for (var first = 0L; first < tensor.Rows; first += rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var here = bytes.AsSpan(0, (int)(Math.Min(rows, tensor.Rows - first) * tensor.RowBytes));
            tensor.CopyRows(first, here);
            stream.Write(here);
        }
    }

    IEnumerable<Tensor> Named(Tensor tensor)
    {
        var name = HuggingFaceTensorNames.Back(tensor.Name, _family.HuggingFace)
            ?? (tensor.Name == "rope_freqs.weight" ? tensor.Name : null)
            ?? throw new ModelFileException(_file.Path,
                $"tensor '{tensor.Name}' has no name in transformers, as far as is known here; the model is of another kind than '{_family.Architecture}' as it is implemented");
        if (_family.HuggingFace.HasPrediction)
            name = PredictionNames.Write(name, _layers);
        return name.Contains('#')
            ? Enumerable.Range(0, (int)tensor.Shape[0])
            .Select(e => tensor.Slice(e).Named(name.Replace("#", e.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)))
            : [tensor.Named(name)];
    }

    // A converter leaves the ending out (Falcon-H1).
    static string EndOf(string name) => name.EndsWith(".ffn_norm", StringComparison.Ordinal) ? name + ".weight" : name;

    JsonObject Config(ModelFile file, Config config, TensorSet set, bool tied)
    {
        var json = new JsonObject { ["model_type"] = _family.HuggingFace.ModelTypes[0] };
        var writing = new HuggingFaceWriting(file, json, set);
        foreach (var (key, type, names) in HuggingFaceMetadata.Settings(_family.HuggingFace))
            if (writing.Has(key) && !writing.IsArray(key))
                json[names[0]] = type switch { 'u' => writing.Number(key), 'f' => writing.Float(key), _ => (JsonNode)writing.Flag(key) };
        json["vocab_size"] = config.VocabularySize;
        json["tie_word_embeddings"] = tied;
        if (!_family.HasLayerNorm)
            json["rms_norm_eps"] = HuggingFaceWriting.Plain(config.NormEpsilon);
        else
            json["layer_norm_eps"] = HuggingFaceWriting.Plain(config.NormEpsilon);
        if (_family.HuggingFace.Settings.Contains("norm_eps", StringComparison.Ordinal))
            json["norm_eps"] = HuggingFaceWriting.Plain(config.NormEpsilon);
        if (writing.Has("rope.freq_base") || config.Attention.Rope is not null)
            json["rope_theta"] = writing.Float("rope.freq_base", 10_000);
        if (_family.HuggingFace.HasWindow && writing.Number("attention.sliding_window") > 0)
            json["sliding_window"] = writing.Number("attention.sliding_window");
        if (!json.ContainsKey("head_dim") && !_family.IsEncoder)
            json["head_dim"] = config.HeadSize;
        json["hidden_act"] = "silu";
        if (set.Has("blk.0.attn_q.bias"))
            json["attention_bias"] = true;
        WriteScaling(file, config, writing);
        foreach (var (name, key) in ((string, string)[])[("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")])
            if (file.Metadata.TryGet<long>($"tokenizer.ggml.{key}_token_id", out var id))
                json[name] = id;
        if (file.Metadata.TryGet<long>("tokenizer.ggml.eot_token_id", out var turn) && json["eos_token_id"] is { } end && (long)end != turn)
            json["eos_token_id"] = new JsonArray((long)end, turn);
        json["torch_dtype"] = _format.TorchType;
        _family.HuggingFace.Write?.Invoke(writing);
        return json;
    }

    void WriteScaling(ModelFile file, Config config, HuggingFaceWriting writing)
    {
        if (config.Attention.Rope is not { } rope)
            return;
        switch (rope.Scaling)
        {
            case LinearScaling linear:
                writing.Set("rope_scaling", new JsonObject { ["rope_type"] = "linear", ["factor"] = linear.Factor });
                break;
            case YarnScaling yarn:
                var scaling = writing.Rope;
                (scaling["rope_type"], scaling["factor"], scaling["original_max_position_embeddings"]) =
                    ("yarn", yarn.Factor, yarn.OriginalContextLength);
                (scaling["beta_fast"], scaling["beta_slow"]) = (yarn.BetaFast, yarn.BetaSlow);
                // All of the magnitude is in transformers' factor.
                if (yarn.AttentionFactor != 1)
                    scaling["attention_factor"] =
                        HuggingFaceWriting.Plain((float)(yarn.AttentionFactor * (1 + 0.1 * Math.Log(Math.Max(1, yarn.Factor)))));
                break;
        }
        if (rope.FrequencyFactors is not { } factors || !writing.Tensors.Has("rope_freqs.weight") || _family.HasOwnRopeFactors)
            return;
        if (Llama3Of(factors, rope) is not { } llama3)
        {
            // The tensor stays, under a name of GGUF that is read here; other programs refuse the type instead of computing something else.
            writing.Set("rope_scaling", new JsonObject { ["rope_type"] = "rope_freqs" });
            return;
        }
        writing.Take("rope_freqs.weight");
        writing.Set("rope_scaling", new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = llama3.Factor,
            ["low_freq_factor"] = llama3.LowFrequencyFactor,
            ["high_freq_factor"] = llama3.HighFrequencyFactor,
            ["original_max_position_embeddings"] = llama3.OriginalContextLength,
        });
    }

    // The scaling whose factors these are, of those that are in use.
    static Llama3Scaling? Llama3Of(IReadOnlyList<float> factors, RopeConfig rope)
    {
        var most = factors.Max();
        foreach (var original in Enumerable.Range(5, 14).Select(b => 1 << b).OrderByDescending(n => n == 8192))
            foreach (var (low, high) in ((double, double)[])[(1, 4), (1, 2), (1, 8), (1, 1)])
            {
                var scaling = new Llama3Scaling(most, low, high, original);
                if (Enumerable.Range(0, factors.Count).All(pair =>
                {
                    var frequency = Math.Pow(rope.Theta, -2.0 * pair / rope.Dimensions);
                    return Math.Abs(frequency / scaling.Scale(frequency, pair, rope) / factors[pair] - 1) < 1e-4;
                }))
                    return scaling;
            }
        return null;
    }

    void WritePooling(string folder)
    {
        var type = _file.Metadata.Get($"{_family.Architecture}.pooling_type", 0L);
        if (type is < 1 or > 3)
            return;
        foreach (var dense in _dense)
        {
            var own = Path.Combine(folder, $"{dense.Name["dense_".Length]}_Dense");
            Directory.CreateDirectory(own);
            var writer = new SafetensorsWriter().Set("format", "pt")
                .Add("linear.weight", _format.Name, dense.Shape, stream => Copy(dense.As(_format), stream, default));
            WholeFile.Write(Path.Combine(own, "model.safetensors"), stream => writer.WriteTo(stream));
            WriteJson(own, "config.json",
                new JsonObject
                {
                    ["in_features"] = dense.Columns,
                    ["out_features"] = dense.Rows,
                    ["bias"] = false,
                    ["activation_function"] = "torch.nn.modules.linear.Identity"
                });
        }
        Directory.CreateDirectory(Path.Combine(folder, "1_Pooling"));
        WriteJson(Path.Combine(folder, "1_Pooling"), "config.json", new JsonObject
        {
            ["word_embedding_dimension"] = _file.Metadata.Get($"{_family.Architecture}.embedding_length", 0L),
            ["pooling_mode_cls_token"] = type == 2,
            ["pooling_mode_mean_tokens"] = type == 1,
            ["pooling_mode_lasttoken"] = type == 3,
        });
        JsonNode Module(int index, string path, string name) =>
            new JsonObject { ["idx"] = index, ["name"] = $"{index}", ["path"] = path, ["type"] = $"sentence_transformers.models.{name}" };
        WholeFile.Write(Path.Combine(folder, "modules.json"),
            stream =>
                new JsonArray([Module(0, "", "Transformer"), Module(1, "1_Pooling", "Pooling"),
                    .. _dense.Select((d, i) => Module(i + 2, $"{d.Name["dense_".Length]}_Dense", "Dense"))]).WriteReadable(stream));
    }

    static void WriteJson(string folder, string name, JsonObject json) => WholeFile.Write(Path.Combine(folder, name), json.WriteReadable);
}
