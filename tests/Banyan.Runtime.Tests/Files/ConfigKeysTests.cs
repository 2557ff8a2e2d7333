using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Files;

/// <summary>A configuration that asks for another computation is refused by the key's name; what no table knows is listed.</summary>
public class ConfigKeysTests
{
    /// <summary>sprout's safetensors folder with keys of config.json set.</summary>
    static TemporaryFolder Sprout(params (string Key, string Json)[] keys)
    {
        var folder = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(Path.Combine(SharedData.Repository, "models", "sprout"), "*.*")
            .Where(f => Path.GetExtension(f) is ".safetensors" or ".json"))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Path, "config.json")))!.AsObject();
        foreach (var (key, json) in keys)
            config[key] = JsonNode.Parse(json);
        folder.File("config.json", config.ToJsonString());
        return folder;
    }

    [Theory]
    [InlineData("hidden_act", "\"relu\"")]
    [InlineData("hidden_act", "\"gelu_pytorch_tanh\"")]
    [InlineData("hidden_act", "\"nonsense\"")]
    [InlineData("hidden_act", "5")]
    [InlineData("hidden_act", "{\"a\": 1}")]
    [InlineData("hidden_activation", "\"gelu\"")]
    [InlineData("layer_types", "[\"full_attention\", \"linear_attention\"]")]
    [InlineData("attn_logit_softcapping", "50.0")]
    [InlineData("final_logit_softcapping", "30")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("embedding_multiplier", "12.0")]
    [InlineData("residual_multiplier", "0.22")]
    [InlineData("logits_scaling", "8.0")]
    [InlineData("mlp_only_layers", "[0]")]
    [InlineData("decoder_sparse_step", "2")]
    [InlineData("is_causal", "false")]
    [InlineData("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4, \"mscale\": 0.7}")]
    public void A_value_that_means_another_computation_refuses_the_model(string key, string value)
    {
        using var folder = Sprout((key, value));
        var error = Assert.Throws<ModelFileException>(() => Model.Load(folder.Path));
        Assert.Contains($"'{key}", error.Message);
        using var file = ModelFile.Open(folder.Path); // it can still be looked at
        Assert.Contains(file.RefusedKeys, text => text.Contains(key));
    }

    [Theory]
    [InlineData("hidden_act", "\"swish\"")]
    [InlineData("hidden_act", "null")]
    [InlineData("layer_types", "[\"full_attention\", \"full_attention\"]")]
    [InlineData("partial_rotary_factor", "1.0")]
    [InlineData("attn_logit_softcapping", "null")]
    [InlineData("mlp_only_layers", "[]")]
    [InlineData("rope_scaling", "{\"rope_type\": \"default\", \"rope_theta\": 10000}")]
    public void A_value_that_means_this_one_does_not(string key, string value)
    {
        using var folder = Sprout((key, value));
        using var model = Model.Load(folder.Path, new ModelOptions { Threads = 1 });
        using var file = ModelFile.Open(folder.Path);
        Assert.Empty(file.RefusedKeys);
        Assert.Empty(file.UnknownKeys);
    }

    [Theory]
    [InlineData("---\ntags: [code]\nlicense: \"apache-2.0\"\n---\n# sprout\n", "apache-2.0")]
    [InlineData("---\r\nlicense:\r\n  - mit\r\n---\r\n", "")]
    [InlineData("# sprout\nlicense: mit\n", "")]
    public void The_licence_is_the_cards(string card, string licence)
    {
        using var folder = Sprout();
        folder.File("README.md", card);
        using var file = ModelFile.Open(folder.Path);
        Assert.Equal(licence, file.Metadata.Get("general.license", ""));
    }

    [Fact]
    public void Keys_of_no_table_are_listed()
    {
        using var folder = Sprout(("frobnicate", "true"), ("auto_map", "{\"AutoModel\": \"modeling_x.X\"}"));
        using var file = ModelFile.Open(folder.Path);
        Assert.Equal(["frobnicate", "auto_map"], file.UnknownKeys);
        using var changed = new ChangedModel("qwen2-tiny-Q8_0",
            new() { ["qwen2.frobnicate"] = 3u, ["other.key"] = "x", ["general.tags"] = "y" });
        using var gguf = ModelFile.Open(changed.Path);
        Assert.Equal(["other.key", "qwen2.frobnicate"], gguf.UnknownKeys.Order());
    }

    [Theory]
    [InlineData("qwen2.hidden_act", "gelu")]
    [InlineData("qwen2.attn_logit_softcapping", 50f)]
    [InlineData("qwen2.logit_scale", 0.5f)]
    [InlineData("qwen2.attention.causal", false)]
    [InlineData("qwen2.rope.dimension_sections", new[] { 16, 24, 24, 0 })]
    [InlineData("qwen2.expert_shared_count", 1u)]
    [InlineData("qwen2.residual_scale", float.NaN)]
    public void So_do_those_of_GGUF(string key, object value)
    {
        using var changed = new ChangedModel("qwen2-tiny-Q8_0", new() { [key] = value });
        Assert.Contains($"'{key}'", Assert.Throws<ModelFileException>(() => Model.Load(changed.Path)).Message);
    }

    [Theory]
    [InlineData("blk.0.attn_sinks.weight", true)]
    [InlineData("blk.1.ffn_sub_norm.weight", true)]
    [InlineData("output_norm.bias", true)]
    [InlineData("blk.99.nextn.eh_proj.weight", false)]
    [InlineData("blk.0.attn_rot_embd", false)]
    [InlineData("v.patch_embd.weight", false)]
    public void A_weight_of_the_layers_that_nothing_computes_with_refuses_the_model(string name, bool refused)
    {
        using var changed = new ChangedModel("qwen2-tiny-Q8_0", more: new() { [name] = 4 });
        if (refused)
            Assert.Contains($"'{name}'", Assert.Throws<ModelFileException>(() => Model.Load(changed.Path)).Message);
        else
            Model.Load(changed.Path, new ModelOptions { Threads = 1 }).Dispose();
    }

    [Fact]
    public void Of_a_key_given_twice_in_the_configuration_the_last_counts()
    {
        using var folder = Sprout();
        var config = File.ReadAllText(Path.Combine(folder.Path, "config.json"));
        folder.File("config.json",
            config.Replace("\"hidden_size\"", "\"hidden_act\":\"relu\",\"hidden_size\":1,\"hidden_act\":\"silu\",\"hidden_size\"",
                StringComparison.Ordinal));
        using var model = Model.Load(folder.Path, new ModelOptions { Threads = 1 });
        Assert.Equal(192, model.Config.EmbeddingSize);
    }
}
