using System.Text.Json.Nodes;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Models;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Tune;

/// <summary>A model with an adapter and the two merged, as processes.</summary>
public sealed class AdapterCommandTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-test-").FullName;

    static string Stories => SharedData.Path("models", "stories260K.gguf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string At(string name) => Path.Combine(_folder, name);

    // 64 columns, 8 query and 4 key heads of 8: query rows are permuted on their way.
    void Write(string name)
    {
        using var model = Model.Load(Stories);
        float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => 0.3f * MathF.Sin(i * 12.9898f + seed))];
        PeftAdapter.Write(Directory.CreateDirectory(At(name)).FullName,
            new(2, 4, false,
                [.. Enumerable.Range(0, 3)
                    .Select(layer => new ProjectionAdapter($"blk.{layer}.attn_q.weight", 64, 64, Numbers(128, layer),
                        Numbers(128, layer + 9)))]), model.Config, "stories260K");
    }

    static async Task<JsonNode> Logits(string model, params string[] more)
    {
        var (code, output, error) =
            await Tool.Run(["logits", model, "--prompts", "[[1,403,407,261,378]]", "--steps", "6", "--activations",
                "float", "--json", .. more]);
        Assert.True(code == 0, error);
        return JsonNode.Parse(output)!["runs"]![0]!["steps"]!;
    }

    [Fact]
    public async Task Merged_is_base_and_adapter()
    {
        Write("mine");
        var (code, output, error) = await Tool.Run(["tune", "merge", Stories, At("mine"), At("merged.gguf"), "--type", "F32", "--json"]);
        Assert.True(code == 0, error);
        Assert.Equal(new FileInfo(At("merged.gguf")).Length, (long)JsonNode.Parse(output)!["bytes"]!);
        var (merged, beside, plain) = (await Logits(At("merged.gguf")),
            await Logits(Stories, "--adapter", At("mine")), await Logits(Stories));
        Assert.NotEqual(plain.ToJsonString(), beside.ToJsonString());
        foreach (var (one, other) in merged.AsArray().Zip(beside.AsArray()))
        {
            Assert.Equal((int)one!["token"]!, (int)other!["token"]!);
            foreach (var (a, b) in one["top"]!.AsArray().Zip(other["top"]!.AsArray()))
                Assert.Equal((double)a![1]!, (double)b![1]!, 1e-4);
        }
        var (_, tuned, _) = await Tool.Run(["run", Stories, "Once upon a time", "--temperature", "0", "-n", "12", "--adapter", At("mine")]);
        var (_, whole, _) = await Tool.Run(["run", At("merged.gguf"), "Once upon a time", "--temperature", "0", "-n", "12"]);
        Assert.Equal(whole, tuned);
    }

    [Fact]
    public async Task A_merged_folder_says_its_type_and_its_base()
    {
        Directory.CreateDirectory(At("base"));
        foreach (var name in new[] { "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors" })
            File.Copy(Path.Combine(SharedData.Repository, "models", "sprout", name), Path.Combine(At("base"), name));
        using (var model = Model.Load(At("base"), new ModelOptions { Threads = 1 }))
            PeftAdapter.Write(Directory.CreateDirectory(At("mine")).FullName,
                new(1, 1, false,
                    [new("blk.0.attn_q.weight", 192, 192, [.. Enumerable.Repeat(0.1f, 192)], [.. Enumerable.Repeat(0.1f, 192)])]),
                        model.Config, "banyan/sprout");
        var (code, _, error) = await Tool.Run(["tune", "merge", At("base"), At("mine"), At("merged"), "--type", "BF16"]);
        Assert.True(code == 0, error);
        Assert.Equal("bfloat16", (string?)JsonNode.Parse(File.ReadAllText(Path.Combine(At("merged"), "config.json")))!["torch_dtype"]);
        var card = File.ReadAllText(Path.Combine(At("merged"), "README.md"));
        Assert.StartsWith("---\nbase_model: \"banyan/sprout\"\nbase_model_relation: finetune\n", card);
        using var merged = Model.Load(At("merged"), new ModelOptions { Threads = 1 });
        Assert.Equal(4096, merged.Config.VocabularySize);
    }

    [Theory]
    [InlineData("merge BASE nowhere out.gguf", "there is no such file or folder")]
    [InlineData("merge BASE mine out", "ends in .gguf")]
    [InlineData("merge BASE mine out.gguf --type Q9", "'Q9' is no type of GGUF")]
    [InlineData("merge BASE mine nowhere/out.gguf", "there is no folder")]
    [InlineData("merge BASE mine there.gguf", "--force replaces it")]
    public async Task What_cannot_be_merged_is_said_and_changes_nothing(string command, string expected)
    {
        Write("mine");
        await File.WriteAllTextAsync(At("there.gguf"), "kept");
        string[] arguments =
            [.. command.Split(' ')
                .Select(a => a == "BASE" ? Stories : a is "mine" or "nowhere" or "out"
                    || a.Contains(".gguf", StringComparison.Ordinal) ? At(a) : a)];
        var (code, _, error) = await Tool.Run(["tune", .. arguments]);
        Assert.Equal(1, code);
        Assert.Contains(expected, error);
        Assert.Equal("kept", await File.ReadAllTextAsync(At("there.gguf")));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
    }
}
