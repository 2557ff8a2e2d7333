using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Tests.Models;

/// <summary>What a file says of its shape is read, compared with its tensors, or refused with the value's name.</summary>
public class ConfigTests
{
    static Config Read(string model, Dictionary<string, object?> keys)
    {
        using var changed = new ChangedModel(model, keys);
        using var file = ModelFile.Open(changed.Path);
        return ConfigReader.Read(file);
    }

    [Fact]
    public void An_unknown_architecture_is_refused_by_name_with_what_works()
    {
        var message =
            Assert.Throws<ModelFileException>(() => Read("qwen2-tiny-Q8_0", new() { ["general.architecture"] = "mamba" })).Message;
        foreach (var word in (string[])["mamba", "qwen2", "qwen3", "qwen3moe", "llama", "Mistral"])
            Assert.Contains(word, message);
    }

    [Theory]
    [InlineData("qwen2.attention.head_count", 0u)]
    [InlineData("qwen2.attention.head_count", 3u)]
    [InlineData("qwen2.attention.head_count_kv", 3u)]
    [InlineData("qwen2.attention.head_count_kv", 0u)]
    [InlineData("qwen2.block_count", 0u)]
    [InlineData("qwen2.block_count", uint.MaxValue)]
    [InlineData("qwen2.embedding_length", 128u)]
    [InlineData("qwen2.context_length", 0u)]
    [InlineData("qwen2.rope.dimension_count", 65u)]
    [InlineData("qwen2.rope.dimension_count", 63u)]
    [InlineData("qwen2.rope.freq_base", float.NaN)]
    [InlineData("qwen2.rope.freq_base", -1f)]
    [InlineData("qwen2.attention.layer_norm_rms_epsilon", 0f)]
    [InlineData("qwen2.attention.key_length", 63u)]
    [InlineData("qwen2.rope.scaling.type", "longrope")]
    [InlineData("qwen2.block_count", null)]
    [InlineData("qwen2.context_length", "many")]
    public void A_value_that_cannot_be_is_refused(string key, object? value)
    {
        var error = Assert.Throws<ModelFileException>(() => Read("qwen2-tiny-Q8_0", new() { [key] = value }));
        Assert.EndsWith("changed.gguf", error.Path);
    }

    [Theory]
    [InlineData("qwen2.feed_forward_length", 1024u, "ffn_gate")]
    [InlineData("qwen2.attention.key_length", 128u, "attn_q")]
    [InlineData("qwen2.attention.value_length", 32u, "attn_v")]
    [InlineData("qwen2.block_count", 4u, "blk.3")]
    public void A_shape_that_the_tensors_contradict_is_refused(string key, object value, string tensor)
    {
        using var changed = new ChangedModel("qwen2-tiny-Q8_0",
            new() { [key] = value, ["qwen2.attention.value_length"] = key.EndsWith("_length") && key.Contains("attention") ? value : 64u });
        Assert.Contains(tensor, Assert.Throws<ModelFileException>(() => Model.Load(changed.Path)).Message);
    }

    [Fact]
    public void A_sliding_window_bounds_the_context_so_that_full_attention_is_exact()
    {
        Assert.Equal(2048, Read("llama-tiny-Q8_0", []).ContextLength);
        Assert.Equal(512, Read("llama-tiny-Q8_0", new() { ["llama.attention.sliding_window"] = 512u }).ContextLength);
    }

    [Fact]
    public void Experts_are_read_and_checked()
    {
        var config = Read("qwen3moe-tiny-Q8_0", []);
        Assert.Equal(new Experts(8, 2, true) { FeedForwardSize = config.FeedForwardSize }, config.Experts);
        Assert.False(Read("qwen3moe-tiny-Q8_0", new() { ["qwen3moe.expert_weights_norm"] = false }).Experts!.NormalizeWeights);
        Assert.Throws<ModelFileException>(() => Read("qwen3moe-tiny-Q8_0", new() { ["qwen3moe.expert_used_count"] = 9u }));
        Assert.Contains("expert_used_count",
            Assert.Throws<ModelFileException>(() => Read("llama-tiny-Q8_0", new() { ["llama.expert_count"] = 8u })).Message);
    }

    [Fact]
    public async Task Weights_that_are_no_numbers_end_in_a_clear_error()
    {
        using var changed = new ChangedModel("llama-tiny-F16",
            tensors: new() { ["blk.1.ffn_norm.weight"] = bytes => Array.Fill(bytes, (byte)0xFF) });
        using var model = Model.Load(changed.Path, new ModelOptions { Threads = 1 });
        await using var engine = new Engine(model);
        var error = await Assert.ThrowsAsync<GenerationException>(async () =>
        {
            await foreach (var _ in engine.GenerateAsync([1, 2, 3]))
            {
            }
        });
        Assert.Contains("damaged", error.Message);
    }

    [Fact]
    public void A_missing_tensor_is_named()
    {
        using var changed = new ChangedModel("llama-tiny-F16", tensors: new() { ["blk.2.attn_v.weight"] = null });
        Assert.Contains("blk.2.attn_v.weight", Assert.Throws<ModelFileException>(() => Model.Load(changed.Path)).Message);
    }
}
