using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Tests;
using Banyan.Training.Tests.Passes;

namespace Banyan.Training.Tests.Results;

/// <summary>A model whose weights were trained is written as it was trained, whatever its family and file.</summary>
public sealed class ModelFolderTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-model-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static readonly TuneOptions s_options = new()
    {
        Method = TuneMethod.Full,
        SequenceLength = 64,
        SequencesPerStep = 1,
        Steps = 2,
        LearningRate = 1e-2
    };

    static TrainingData Data(Model model) =>
        new()
        {
            Samples = [TinyModels.Sample(model, 30, 1), TinyModels.Sample(model, 40, 4)],
            HeldOut = [TinyModels.Sample(model, 40, 2), TinyModels.Sample(model, 20, 3)]
        };

    public static TheoryData<string> Models => TinyModels.All;

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_family_is_written_as_it_was_trained(string name)
    {
        using var model = TinyModels.Load(name);
        using var trainer = new Trainer(model, Data(model), s_options);
        Assert.Null(ModelFolder.Problem(trainer, "F32"));
        trainer.Run();
        var result = ModelFolder.Write(_folder, trainer, new("owner/base", "data"), "F32");
        Assert.InRange(result.LargestDifference, 0, 1e-3);
        // Not the base's: the comparison is of two models.
        Assert.Equal(trainer.HeldOutBefore!.Value, result.Comparison!.Base, 1e-5);
        Assert.Equal(trainer.HeldOut!.Value, result.Comparison.Tuned, 1e-5);
        Assert.True(Math.Abs(result.Comparison.Base - result.Comparison.Tuned) > 1e-3);
        Assert.Contains("base_model_relation: finetune", File.ReadAllText(Path.Combine(_folder, "README.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "float16")]
    [InlineData("F32", "float32")]
    [InlineData("BF16", "bfloat16")]
    public void A_folder_of_safetensors_becomes_one_from_its_shape_alone(string? type, string names)
    {
        var (shape, start, written) = (Path.Combine(_folder, "shape"), Path.Combine(_folder, "start"),
            Directory.CreateDirectory(Path.Combine(_folder, "out")).FullName);
        Directory.CreateDirectory(shape);
        foreach (var part in new[] { "config.json", "tokenizer.json", "tokenizer_config.json" })
            File.Copy(Path.Combine(SharedData.Repository, "models", "sprout", part), Path.Combine(shape, part));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(shape, "config.json")))!;
        (config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"]) = (2, 96, 128);
        File.WriteAllText(Path.Combine(shape, "config.json"), config.ToJsonString());
        Assert.True(ScratchFolder.IsShape(shape));
        ScratchFolder.Write(shape, start);

        using var model = Model.Load(start, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        using var trainer = new Trainer(model, Data(model), s_options with { Method = TuneMethod.Scratch });
        trainer.Run();
        var result = ModelFolder.Write(written, trainer, new("shape", "data"), type);
        Assert.InRange(result.LargestDifference, 0, type == "F32" ? 1e-3 : 0.1);
        Assert.Null(result.Comparison);
        Assert.Equal(names, (string?)JsonNode.Parse(File.ReadAllText(Path.Combine(written, "config.json")))!["torch_dtype"]);
        using var file = ModelFile.Open(written);
        Assert.Equal(type ?? "F16", file.GetTensor("blk.1.attn_q.bias").Format.Name);
        Assert.DoesNotContain("base_model", File.ReadAllText(Path.Combine(written, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_the_base_is_not_written_over()
    {
        var path = Path.Combine(_folder, ModelFolder.GgufName);
        File.Copy(SharedData.Path("models", "stories260K.gguf"), path);
        var before = File.ReadAllBytes(path);
        using var model = Model.Load(path, new ModelOptions { Threads = 1 });
        using var trainer = new Trainer(model, Data(model), s_options with { Steps = 1 });
        trainer.Run();
        Assert.Contains("is the base", Assert.Throws<TrainingException>(() => ModelFolder.Write(_folder, trainer, new("a", "b"))).Message,
            StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("gemma3", "cannot be made from its shape alone")]
    [InlineData("qwen2", "hidden_size")]
    public void A_shape_that_cannot_be_made_is_refused_by_name(string family, string names)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), $$"""{"model_type": "{{family}}", "hidden_size": 0}""");
        Assert.Contains(names,
            Assert.Throws<ModelFileException>(() => ScratchFolder.Write(_folder, Path.Combine(_folder, "start"))).Message,
            StringComparison.Ordinal);
    }
}
