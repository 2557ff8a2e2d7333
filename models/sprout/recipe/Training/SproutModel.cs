using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>
/// A Qwen2 transformer (arXiv 2407.10671; transformers' Qwen2ForCausalLM): RMSNorm, grouped-query attention with biases on q, k and v,
/// rotary embedding on halves, SwiGLU, the embedding tied to the output. Parameters carry Hugging Face's names.
/// </summary>
internal sealed class SproutModel
{
    private readonly ModelShape _shape;
    private readonly Tensor _cos, _signedSin; // [context, 1, headSize]

    public SproutModel(ModelShape shape, int seed)
    {
        _shape = shape;
        random.manual_seed(seed);
        int d = shape.HiddenSize, ff = shape.IntermediateSize, kv = shape.KeyValueHeads * shape.HeadSize;
        float residual = 0.02f / MathF.Sqrt(2 * shape.Layers);
        Normal("model.embed_tokens.weight", 0.02f, shape.VocabularySize, d);
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            string p = $"model.layers.{layer}.";
            Constant(p + "input_layernorm.weight", 1, d);
            Normal(p + "self_attn.q_proj.weight", 0.02f, d, d);
            Constant(p + "self_attn.q_proj.bias", 0, d);
            Normal(p + "self_attn.k_proj.weight", 0.02f, kv, d);
            Constant(p + "self_attn.k_proj.bias", 0, kv);
            Normal(p + "self_attn.v_proj.weight", 0.02f, kv, d);
            Constant(p + "self_attn.v_proj.bias", 0, kv);
            Normal(p + "self_attn.o_proj.weight", residual, d, d);
            Constant(p + "post_attention_layernorm.weight", 1, d);
            Normal(p + "mlp.gate_proj.weight", 0.02f, ff, d);
            Normal(p + "mlp.up_proj.weight", 0.02f, ff, d);
            Normal(p + "mlp.down_proj.weight", residual, d, ff);
        }

        Constant("model.norm.weight", 1, d);

        using var frequencies = pow(shape.RopeTheta, arange(0, shape.HeadSize, 2, dtype: ScalarType.Float32) / -shape.HeadSize);
        using var angles = outer(arange(shape.ContextLength, dtype: ScalarType.Float32), frequencies);
        using var both = cat([angles, angles], -1);
        using var signed = cat([-angles.sin(), angles.sin()], -1);
        (_cos, _signedSin) = (both.cos().unsqueeze(1), signed.unsqueeze(1).alias());
    }

    private SproutModel(SproutModel original)
    {
        (_shape, _cos, _signedSin) = (original._shape, original._cos, original._signedSin);
        foreach (var (name, parameter) in original.Parameters)
        {
            Parameters[name] = parameter.detach().requires_grad_();
            Parameters[name].grad = zeros_like(parameter, requires_grad: false);
        }
    }

    public ModelShape Shape => _shape;

    public Dictionary<string, Tensor> Parameters { get; } = [];

    public long ParameterCount => Parameters.Values.Sum(p => p.numel());

    /// <summary>The same weights in the same memory, with gradients of its own: one for each worker.</summary>
    public SproutModel Replica() => new(this);

    /// <summary>Logits [batch, positions, vocabulary] for token ids [batch, positions].</summary>
    public Tensor Forward(Tensor ids)
    {
        long batch = ids.shape[0], positions = ids.shape[1];
        var cos = _cos.narrow(0, 0, positions);
        var signedSin = _signedSin.narrow(0, 0, positions);
        var x = Parameters["model.embed_tokens.weight"].index_select(0, ids.view(-1)).view(batch, positions, -1); // [batch, positions, hidden]
        for (int layer = 0; layer < _shape.Layers; layer++)
        {
            string p = $"model.layers.{layer}.";
            x = x + Attention(p + "self_attn.", Normalize(x), Parameters[p + "input_layernorm.weight"], cos, signedSin);
            x = x + FeedForward(p + "mlp.", Normalize(x), Parameters[p + "post_attention_layernorm.weight"]);
        }

        return nn.functional.linear(Normalize(x) * Parameters["model.norm.weight"], Parameters["model.embed_tokens.weight"]);
    }

    // A norm's gain multiplies the columns of the weights behind it rather than every activation: the same product, cheaper.
    private Tensor Attention(string p, Tensor x, Tensor gain, Tensor cos, Tensor signedSin)
    {
        long batch = x.shape[0], positions = x.shape[1];
        int heads = _shape.Heads, kv = _shape.KeyValueHeads;
        var weight = cat([Parameters[p + "q_proj.weight"], Parameters[p + "k_proj.weight"], Parameters[p + "v_proj.weight"]]) * gain;
        var bias = cat([Parameters[p + "q_proj.bias"], Parameters[p + "k_proj.bias"], Parameters[p + "v_proj.bias"]]);
        var all = nn.functional.linear(x, weight, bias).view(batch, positions, heads + (2 * kv), _shape.HeadSize);
        var rotated = Rotate(all.narrow(2, 0, heads + kv), cos, signedSin);
        var q = rotated.narrow(2, 0, heads).transpose(1, 2); // [batch, heads, positions, headSize]
        var k = Repeat(rotated.narrow(2, heads, kv).transpose(1, 2));
        var v = Repeat(all.narrow(2, heads + kv, kv).transpose(1, 2));
        var mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true);
        return nn.functional.linear(mixed.transpose(1, 2).reshape(batch, positions, _shape.HiddenSize), Parameters[p + "o_proj.weight"]);
    }

    private Tensor FeedForward(string p, Tensor x, Tensor gain) =>
        nn.functional.linear(
            nn.functional.silu(nn.functional.linear(x, Parameters[p + "gate_proj.weight"] * gain)) * nn.functional.linear(x, Parameters[p + "up_proj.weight"] * gain),
            Parameters[p + "down_proj.weight"]);

    /// <summary>Query head h reads key-value head h / (heads / keyValueHeads).</summary>
    private Tensor Repeat(Tensor x)
    {
        long[] shape = x.shape; // [batch, keyValueHeads, positions, headSize]
        return x.unsqueeze(2).expand(shape[0], shape[1], _shape.Heads / shape[1], shape[2], shape[3]).reshape(shape[0], _shape.Heads, shape[2], shape[3]);
    }

    /// <summary>Hugging Face's rotate_half, written as a roll by half a head with the sign in the sine.</summary>
    private Tensor Rotate(Tensor x, Tensor cos, Tensor signedSin) => (x * cos) + (x.roll(_shape.HeadSize / 2, -1) * signedSin);

    private Tensor Normalize(Tensor x) => x * (x.square().mean([-1], keepdim: true) + _shape.NormEpsilon).rsqrt();

    private void Normal(string name, float deviation, params long[] size) =>
        Parameters[name] = (randn(size) * deviation).requires_grad_();

    private void Constant(string name, float value, params long[] size) =>
        Parameters[name] = full(size, value).requires_grad_();
}
