using System.Text.Json;
using Banyan.Training.Tests.Passes;

namespace Banyan.Training.Tests.Results;

/// <summary>What is written is what was trained, as the runtime computes it.</summary>
public sealed class AdapterFolderTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-folder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // llama's query and key rows are permuted in GGUF; DoRA has no place in GGUF.
    [Theory]
    [InlineData("llama-tiny-Q4_K_M", TuneMethod.Lora, true)]
    [InlineData("llama-tiny-F16", TuneMethod.Dora, false)]
    [InlineData("qwen3moe-tiny-Q8_0", TuneMethod.Lora, false)]
    [InlineData("families/olmo3", TuneMethod.Lora, false)]
    [InlineData("families/phi3", TuneMethod.Lora, true)]
    [InlineData("families/phi3", TuneMethod.Dora, false)]
    public void A_folder_gives_the_likelihoods_of_the_trainer(string name, TuneMethod method, bool rankStabilized)
    {
        using var model = TinyModels.Load(name);
        var data = new TrainingData
        {
            Samples = [TinyModels.Sample(model, 40, 1)],
            HeldOut = [TinyModels.Sample(model, 90, 2), TinyModels.Sample(model, 30, 3)]
        };
        var options = new TuneOptions
        {
            Method = method,
            Rank = 4,
            RankStabilized = rankStabilized,
            SequenceLength = 96,
            Steps = 5,
            LearningRate = 1e-2
        };
        using var trainer = new Trainer(model, data, options);
        trainer.Run();
        Assert.Null(AdapterFolder.Problem(trainer));
        var result = AdapterFolder.Write(_folder, trainer, new("owner/base", "some|`data`") { Revision = "abc" });
        Assert.InRange(result.LargestDifference, 0, 1e-3);
        Assert.Equal(method == TuneMethod.Lora, result.Files.Contains("adapter.gguf"));
        Assert.Equal(result.Files.Order(StringComparer.Ordinal),
            Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "adapter_config.json"))).RootElement;
        Assert.Equal(("owner/base", "abc"),
            (config.GetProperty("base_model_name_or_path").GetString(), config.GetProperty("revision").GetString()));
        // Matrices that are one in the file have one adapter, by transformers' names.
        if (name == "families/phi3")
            Assert.Equal(["down_proj", "gate_up_proj", "o_proj", "qkv_proj"],
                config.GetProperty("target_modules").EnumerateArray().Select(m => m.GetString()).Order(StringComparer.Ordinal));
        Assert.Equal(2, result.Comparison!.Texts);
        Assert.Equal(trainer.HeldOutBefore!.Value, result.Comparison.Base, 1e-6);
        Assert.Equal(trainer.HeldOut!.Value, result.Comparison.Tuned, 1e-6);
        // The runtime with the folder's adapter finds the same, of texts longer than it computes at once.
        var adapter = model.AddAdapter("folder", Banyan.Runtime.Adapters.AdapterWeights.Read(_folder, model.Config));
        var apart = HeldOutComparison.Of(TextLoss.Of(model, data.HeldOut), TextLoss.Of(model, data.HeldOut, adapter));
        Assert.Equal(result.Comparison.Base, apart.Base, 1e-4);
        Assert.Equal(result.Comparison.Tuned, apart.Tuned, 1e-4);
        Assert.Contains("`some\\|'data'`", File.ReadAllText(Path.Combine(_folder, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Adapters_of_experts_are_a_problem_before_they_are_trained()
    {
        using var model = TinyModels.Load("qwen3moe-tiny-Q8_0");
        using var trainer = new Trainer(model, new() { Samples = [TinyModels.Sample(model, 40, 1)] },
            new TuneOptions { TargetModules = ["ffn_up_exps"], SequenceLength = 64, Steps = 1 });
        Assert.Contains("blk.0.ffn_up_exps.weight", AdapterFolder.Problem(trainer), StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_is_decided_by_its_interval()
    {
        var better = HeldOutComparison.Of([(10, 5, 10), (21, 10, 20), (30, 16, 30)]);
        Assert.Equal((61 / 60.0, 31 / 60.0, "better"), (better.Base, better.Tuned, better.Verdict));
        Assert.InRange(better.Tuned - better.Base, better.Low, better.High);
        Assert.Equal("worse", HeldOutComparison.Of([(5, 10, 10), (10, 21, 20), (16, 30, 30)]).Verdict);
        Assert.Equal("undecided", HeldOutComparison.Of([(10, 5, 10), (10, 15.5, 10)]).Verdict);
        Assert.Equal("undecided", HeldOutComparison.Of([(10, 5, 10)]).Verdict);
        Assert.Null(HeldOutComparison.Of([(10, 5, 10)]).MoreTextsNeeded);
        Assert.Null(better.MoreTextsNeeded);
        // The difference is 0.025 a target, its error 0.525: (2.80 · 0.525 ÷ 0.025)² · 2 texts.
        var undecided = HeldOutComparison.Of([new(10, 10), new(10, 10)], [new(5, 10), new(15.5, 10)]);
        Assert.InRange(undecided.MoreTextsNeeded!.Value, 6900, 6930);
        Assert.Throws<ArgumentException>(() => HeldOutComparison.Of([new TextLoss(1, 2)], [new TextLoss(1, 3)]));
    }
}
