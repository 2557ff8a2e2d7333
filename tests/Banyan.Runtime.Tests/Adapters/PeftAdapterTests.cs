using System.Text;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.Tests.Models;
using Banyan.Tests;
using Banyan.Runtime.Adapters;

namespace Banyan.Runtime.Tests.Adapters;

public class PeftAdapterTests
{
    [Fact]
    public void Files_have_the_names_and_fields_that_PEFT_reads()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-peft-").FullName;
        using var model = Model.Load(Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"));
        PeftAdapter.Write(folder, new(2, 4, true, [new("blk.3.attn_q.weight", 192, 192, new float[384], new float[384])]),
            model.Config, "banyan/sprout");
        var bytes = File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));
        var header = JsonNode.Parse(Encoding.UTF8.GetString(bytes, 8, (int)BitConverter.ToInt64(bytes)))!.AsObject();
        Assert.Equal(["__metadata__", "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight",
            "base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight"], header.Select(p => p.Key));
        Assert.Equal("[2,192]", header.ElementAt(1).Value!["shape"]!.ToJsonString());
        Assert.Equal("[192,2]", header.ElementAt(2).Value!["shape"]!.ToJsonString());
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!;
        Assert.Equal(("LORA", 2, 4, true, "banyan/sprout"),
            ((string?)config["peft_type"], (int)config["r"]!, (int)config["lora_alpha"]!, (bool)config["use_rslora"]!,
                (string?)config["base_model_name_or_path"]));
        // Exactly what save_pretrained of PEFT 0.17 writes, sorted as it sorts.
        Assert.Equal(
            "alpha_pattern auto_mapping base_model_name_or_path bias corda_config eva_config exclude_modules fan_in_fan_out inference_mode init_lora_weights "
            + "layer_replication layers_pattern layers_to_transform loftq_config lora_alpha lora_bias lora_dropout megatron_config megatron_core modules_to_save peft_type "
            + "qalora_group_size r rank_pattern revision target_modules target_parameters task_type trainable_token_indices use_dora use_qalora use_rslora",
            string.Join(' ', config.AsObject().Select(p => p.Key)));
        Assert.Equal("[\"q_proj\"]", config["target_modules"]!.ToJsonString());
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("llama-tiny-F16", false)]
    [InlineData("qwen3-tiny-F16", true)]
    public void What_is_written_is_read(string name, bool dora)
    {
        using var folder = new TemporaryFolder();
        using var model = Model.Load(Reference.Path(name));
        var written = Some(model, dora);
        PeftAdapter.Write(folder.Path, written, model.Config, "base");
        var read = AdapterWeights.Read(folder.Path, model.Config);
        Assert.Equal((written.Rank, written.Scale, dora), (read.Rank, read.Scale, read.IsDora));
        foreach (var expected in written.Projections)
        {
            var actual = read.Projections.Single(p => p.Tensor == expected.Tensor);
            Assert.Equal(expected.A, actual.A);
            Assert.Equal(expected.B, actual.B);
            Assert.Equal(expected.Magnitude, actual.Magnitude);
        }
        Assert.Equal(written.Projections.Count, read.Projections.Count);
    }

    static AdapterWeights Some(Model model, bool dora) =>
        new(2, 6, true,
            [.. model.Weights.Products.SelectMany(p => p.Projections)
                .Where(p => p.Name.StartsWith("blk.", StringComparison.Ordinal)).Select((p, n) =>
        new ProjectionAdapter(p.Name, p.Rows, p.Columns, Numbers(2 * p.Columns, n),
            Numbers(2 * p.Rows, n + 50)) { Magnitude = dora ? Numbers(p.Rows, n + 99) : null })]);

    static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i * 12.9898f + seed))];

    [Theory]
    [InlineData("""{"peft_type": "IA3", "r": 2}""", "'peft_type' is 'IA3'")]
    [InlineData("""{"peft_type": "LORA", "r": 0}""", "'r' is no rank")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "bias": "all"}""", "'bias' is 'all'")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "modules_to_save": ["lm_head"]}""", "'modules_to_save'")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "alora_invocation_tokens": [5, 7]}""", "'alora_invocation_tokens' is [5, 7]")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "use_dora": true}""", "lora_magnitude_vector")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "alpha_pattern": {"q.*j": 3}}""", "regular expressions are not")]
    [InlineData("""{"peft_type": "LORA", "r": """, "cannot be read")]
    public void What_is_not_computed_is_refused_by_name(string config, string expected)
    {
        using var folder = new TemporaryFolder();
        using var model = Model.Load(Reference.Path("qwen2-tiny-F16"));
        PeftAdapter.Write(folder.Path, Some(model, false), model.Config, "base");
        File.WriteAllText(Path.Combine(folder.Path, "adapter_config.json"), config);
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => AdapterWeights.Read(folder.Path, model.Config)).Message);
    }

    [Fact]
    public void A_layer_with_an_alpha_of_its_own_is_scaled_by_it()
    {
        using var folder = new TemporaryFolder();
        using var model = Model.Load(Reference.Path("qwen2-tiny-F16"));
        var written = Some(model, false);
        PeftAdapter.Write(folder.Path, written, model.Config, "base");
        File.WriteAllText(Path.Combine(folder.Path, "adapter_config.json"),
            """{"peft_type": "LORA", "r": 2, "lora_alpha": 6, "use_rslora": true, "alpha_pattern": {"q_proj": 12}}""");
        foreach (var projection in AdapterWeights.Read(folder.Path, model.Config).Projections)
            Assert.Equal(written.Projections.Single(p => p.Tensor == projection.Tensor).B.Select(b => projection.Tensor.Contains("attn_q")
                ? 2 * b : b), projection.B);
    }

    [Fact]
    public void Rows_that_conversion_permuted_are_put_back() =>
        Assert.Equal([0, 2, 4, 1, 3, 5, 10, 12, 14, 11, 13, 15], PeftAdapter.Unpermuted([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15], 2, 1));
}
