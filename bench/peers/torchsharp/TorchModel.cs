using Banyan.Runtime.Files;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace Banyan.Torch;

/// <summary>
/// Decoders in libtorch's operations, from their papers and the tensors of a GGUF file; autograd goes back. Nothing of Banyan's but the
/// file reader is used, so that what agrees was written twice. Texts are computed one by one.
/// </summary>
sealed class TorchModel
{
    static readonly string[] s_families = ["qwen2", "qwen3", "qwen3moe", "llama", "gemma3", "phi3"];

    readonly Metadata _metadata;
    readonly string _family;
    readonly ScalarType _type;
    readonly Dictionary<string, (Tensor A, Tensor B)> _adapters = [];
    readonly float _adapterScale;
    readonly int _layers, _heads, _kvHeads, _headSize;
    readonly double _epsilon;

    /// <param name="file">A GGUF file.</param>
    /// <param name="type">What is computed in.</param>
    /// <param name="trains">Whether the weights have gradients.</param>
    /// <param name="adapters">A and B of tensors with an adapter; they have gradients.</param>
    /// <param name="adapterScale">α ÷ rank.</param>
    public TorchModel(ModelFile file, ScalarType type, bool trains,
        IReadOnlyDictionary<string, (float[] A, float[] B)>? adapters = null, float adapterScale = 0)
    {
        (_metadata, _type, _adapterScale) = (file.Metadata, type, adapterScale);
        _family = _metadata.Get<string>("general.architecture");
        if (!s_families.Contains(_family))
            throw new ArgumentException($"'{_family}' is not written for libtorch here: {string.Join(", ", s_families)} are");
        foreach (var tensor in file.Tensors)
        {
            var floats = new float[tensor.Rows * tensor.Columns];
            tensor.Dequantize(0, (int)tensor.Rows, floats);
            Weights[tensor.Name] = Parameter(floats, [.. tensor.Shape],
                trains && !tensor.Name.StartsWith("rope_", StringComparison.Ordinal));
        }
        (_layers, _heads) = (Number("block_count"), Number("attention.head_count"));
        _kvHeads = Number("attention.head_count_kv", _heads);
        _headSize = Number("attention.key_length", Number("embedding_length") / _heads);
        _epsilon = Real("attention.layer_norm_rms_epsilon", 1e-6);
        foreach (var (name, (a, b)) in adapters ?? new Dictionary<string, (float[], float[])>())
        {
            var (rows, columns) = (Weights[name].shape[0], Weights[name].shape[1]);
            _adapters[name] = (Parameter(a, [a.Length / columns, columns], true), Parameter(b, [rows, b.Length / rows], true));
        }
    }

    /// <summary>The file's tensors, in the type that is computed in.</summary>
    public Dictionary<string, Tensor> Weights { get; } = [];

    /// <summary>What products with weights are computed in, as autocast would; the rest is in the model's own type.</summary>
    public ScalarType? Products { get; init; }

    /// <summary>What an adapter's run trains.</summary>
    public IEnumerable<Parameter> Adapters => _adapters.Values.SelectMany(p => new[] { p.A, p.B }).Select(t => (Parameter)t);

    /// <summary>Σ weight · −ln p over the targets of one text; weights in the order of the targets.</summary>
    public Tensor Loss(int[] tokens, bool[] targets, float[]? weights = null)
    {
        using var scope = NewDisposeScope();
        int[] rows = [.. Enumerable.Range(0, tokens.Length - 1).Where(i => targets[i + 1])];
        var x = Stream(tokens)[tensor(rows.Select(r => (long)r).ToArray())];                                 // [targets, embedding]
        var logits = Product(Norm(x, "output_norm"), Weights[Weights.ContainsKey("output.weight") ? "output.weight" : "token_embd.weight"]);
        var losses = cross_entropy(logits, tensor(rows.Select(r => (long)tokens[r + 1]).ToArray()), reduction: nn.Reduction.None);
        return (weights is null ? losses : losses * tensor(weights).to_type(_type)).sum().MoveToOuterDisposeScope();
    }

    // The residual stream behind the last layer, [tokens, embedding].
    Tensor Stream(int[] tokens)
    {
        var x = Weights["token_embd.weight"][tensor(tokens.Select(t => (long)t).ToArray())];
        if (_family == "gemma3")
            x = x * Math.Sqrt(Number("embedding_length"));
        for (var layer = 0; layer < _layers; layer++)
        {
            var at = $"blk.{layer}.";
            x = x + After(Attention(Norm(x, at + "attn_norm"), layer), at + "post_attention_norm");
            var input = Norm(x, at + "ffn_norm");
            x = x + After(Weights.ContainsKey(at + "ffn_gate_inp.weight") ? Experts(input, at)
                : FeedForward(input, at), at + "post_ffw_norm");
        }
        return x;
    }

    Tensor After(Tensor x, string norm) => Weights.ContainsKey(norm + ".weight") ? Norm(x, norm) : x;

    Tensor Norm(Tensor x, string name) => x * rsqrt(x.pow(2).mean([-1], keepdim: true) + _epsilon) * Weights[name + ".weight"];

    Tensor Linear(Tensor x, string name)
    {
        var y = Product(x, Weights[name + ".weight"]);
        if (_adapters.TryGetValue(name + ".weight", out var adapter))
            y = y + matmul(matmul(x, adapter.A.t()), adapter.B.t()) * _adapterScale;
        return Weights.TryGetValue(name + ".bias", out var bias) ? y + bias : y;
    }

    Tensor Product(Tensor x, Tensor weight) => Products is { } type && type != _type
        ? matmul(x.to_type(type), weight.t().to_type(type)).to_type(_type)
        : matmul(x, weight.t());

    Tensor Attention(Tensor x, int layer)
    {
        var (at, rows) = ($"blk.{layer}.", x.shape[0]);
        Tensor q, k, v;
        if (_family == "phi3")
        {
            var all = Linear(x, at + "attn_qkv").split([_heads * _headSize, _kvHeads * _headSize, _kvHeads * _headSize], dim: -1);
            (q, k, v) = (all[0], all[1], all[2]);
        }
        else
            (q, k, v) = (Linear(x, at + "attn_q"), Linear(x, at + "attn_k"), Linear(x, at + "attn_v"));
        (q, k, v) = (q.reshape(rows, _heads, _headSize), k.reshape(rows, _kvHeads, _headSize), v.reshape(rows, _kvHeads, _headSize));
        if (Weights.ContainsKey(at + "attn_q_norm.weight"))
            (q, k) = (Norm(q, at + "attn_q_norm"), Norm(k, at + "attn_k_norm"));
        var isWindowed = _family == "gemma3" && layer % 6 != 5;
        (q, k) = (Turn(q, isWindowed), Turn(k, isWindowed));
        var times = _heads / _kvHeads;
        (k, v) = (k.repeat_interleave(times, dim: 1), v.repeat_interleave(times, dim: 1));
        // [1, heads, rows, head]
        var mask = isWindowed ? Window(rows) : null;
        var y = scaled_dot_product_attention(q.transpose(0, 1).unsqueeze(0), k.transpose(0, 1).unsqueeze(0), v.transpose(0, 1).unsqueeze(0),
            mask, is_casual: mask is null);
        return Linear(y.squeeze(0).transpose(0, 1).reshape(rows, _heads * _headSize), at + "attn_output");
    }

    // A row sees itself and the window − 1 before it.
    Tensor Window(long rows)
    {
        var distance = arange(rows).unsqueeze(1) - arange(rows).unsqueeze(0);
        return (distance >= 0).logical_and(distance < Number("attention.sliding_window"));
    }

    // Rotary positions (arXiv 2104.09864) of x[rows, heads, head]; llama's pairs are neighbours in GGUF, all others' halves.
    Tensor Turn(Tensor x, bool isWindowed)
    {
        var (rows, turned) = (x.shape[0], Number("rope.dimension_count", _headSize));
        var (angles, scale) = Angles(rows, turned, isWindowed);
        // [rows, 1, turned / 2]
        Tensor cos = (angles.cos() * scale).to_type(_type).unsqueeze(1), sin = (angles.sin() * scale).to_type(_type).unsqueeze(1);
        var part = x.narrow(-1, 0, turned);
        Tensor result;
        if (_family == "llama")
        {
            var pairs = part.reshape(rows, -1, turned / 2, 2);
            Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
            result = stack([a * cos - b * sin, a * sin + b * cos], dim: -1).reshape(rows, -1, turned);
        }
        else
        {
            Tensor a = part.narrow(-1, 0, turned / 2), b = part.narrow(-1, turned / 2, turned / 2);
            result = cat([a * cos - b * sin, a * sin + b * cos], dim: -1);
        }
        return turned == _headSize ? result : cat([result, x.narrow(-1, turned, _headSize - turned)], dim: -1);
    }

    (Tensor Angles, double Scale) Angles(long rows, int turned, bool isWindowed)
    {
        var theta = isWindowed ? Real("rope.freq_base_swa", 10_000) : Real("rope.freq_base", 10_000);
        var frequencies = tensor(Enumerable.Range(0, turned / 2).Select(i => Math.Pow(theta, -2.0 * i / turned)).ToArray());
        var scale = 1.0;
        if (_family == "gemma3" && !isWindowed)
            frequencies = frequencies / Real("rope.scaling.factor", 1);
        if (Weights.TryGetValue("rope_freqs.weight", out var factors))
            frequencies = frequencies / factors.to_type(ScalarType.Float64);
        if (_family == "phi3" && Weights.ContainsKey("rope_factors_long.weight"))
        {
            // LongRoPE (arXiv 2402.13753): by the context that the model is opened for, here its whole.
            var isLong = Number("context_length") > Number("rope.scaling.original_context_length");
            frequencies =
                frequencies / Weights[isLong ? "rope_factors_long.weight" : "rope_factors_short.weight"].to_type(ScalarType.Float64);
            scale = Real("rope.scaling.attn_factor", 1);
        }
        return (arange(rows).to_type(ScalarType.Float64).unsqueeze(1) * frequencies.unsqueeze(0), scale);
    }

    Tensor FeedForward(Tensor x, string at)
    {
        Tensor gate, up;
        if (_family == "phi3")
        {
            var both = Linear(x, at + "ffn_up").chunk(2, dim: -1);
            (gate, up) = (both[0], both[1]);
        }
        else
            (gate, up) = (Linear(x, at + "ffn_gate"), Linear(x, at + "ffn_up"));
        return Linear((_family == "gemma3" ? GeluTanh(gate) : silu(gate)) * up, at + "ffn_down");
    }

    static Tensor GeluTanh(Tensor x) => 0.5 * x * (1 + tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))));

    // Softmax over all experts, the best few, their shares scaled to sum to 1.
    Tensor Experts(Tensor x, string at)
    {
        var shares = softmax(matmul(x, Weights[at + "ffn_gate_inp.weight"].t()), -1);
        var (best, chosen) = shares.topk(Number("expert_used_count"), dim: -1);
        best = best / best.sum(-1, keepdim: true);
        var y = zeros_like(x);
        for (var expert = 0; expert < Number("expert_count"); expert++)
        {
            var places = chosen.eq(expert).nonzero();                          // [places, (row, rank among the chosen)]
            if (places.shape[0] == 0)
                continue;
            Tensor rows = places.select(1, 0), input = x[rows];
            Tensor Of(string name) => Weights[at + name + ".weight"][expert].t();
            var part = matmul(silu(matmul(input, Of("ffn_gate_exps"))) * matmul(input, Of("ffn_up_exps")), Of("ffn_down_exps"));
            y = y.index_add(0, rows, part * best[rows, places.select(1, 1)].unsqueeze(1), 1);
        }
        return y;
    }

    Parameter Parameter(float[] values, long[] shape, bool trains) => new(tensor(values, shape).to_type(_type), trains);

    int Number(string key, int? otherwise = null) => _metadata.TryGet<int>($"{_family}.{key}", out var value) ? value
        : otherwise ?? throw new ArgumentException($"the file has no {_family}.{key}");

    double Real(string key, double otherwise) => _metadata.TryGet<float>($"{_family}.{key}", out var value) ? value : otherwise;
}
