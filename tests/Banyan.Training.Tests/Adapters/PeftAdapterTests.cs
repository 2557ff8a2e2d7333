using System.Text;
using System.Text.Json.Nodes;
using Banyan.Runtime.Models;
using Banyan.Tests;
using Banyan.Training.Adapters;

namespace Banyan.Training.Tests.Adapters;

public class PeftAdapterTests
{
    [Fact]
    public void Files_have_the_names_and_fields_that_PEFT_reads()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-peft-").FullName;
        using var model = Model.Load(Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"));
        PeftAdapter.Write(folder, new(2, 4, true, [new("blk.3.attn_q.weight", 192, 192, new float[384], new float[384])]), model.Config, "banyan/sprout");
        var bytes = File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));
        var header = JsonNode.Parse(Encoding.UTF8.GetString(bytes, 8, (int)BitConverter.ToInt64(bytes)))!.AsObject();
        Assert.Equal(["__metadata__", "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight", "base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight"], header.Select(p => p.Key));
        Assert.Equal("[2,192]", header.ElementAt(1).Value!["shape"]!.ToJsonString());
        Assert.Equal("[192,2]", header.ElementAt(2).Value!["shape"]!.ToJsonString());
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!;
        Assert.Equal(("LORA", 2, 4, true, "banyan/sprout"), ((string?)config["peft_type"], (int)config["r"]!, (int)config["lora_alpha"]!, (bool)config["use_rslora"]!, (string?)config["base_model_name_or_path"]));
        Assert.Equal("[\"q_proj\"]", config["target_modules"]!.ToJsonString());
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Rows_that_conversion_permuted_are_put_back() =>
        Assert.Equal([0, 2, 4, 1, 3, 5, 10, 12, 14, 11, 13, 15], PeftAdapter.Unpermuted([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15], 2, 1));
}
