using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

/// <summary>run, chat, bench and logits, as processes.</summary>
public class GenerateTests
{
    static string Stories => SharedData.Path("models", "stories260K.gguf");

    [Fact]
    public async Task Run_continues_a_prompt()
    {
        var (code, output, error) = await Tool.Run(["run", Stories, "Once upon a time", "--temperature", "0", "-n", "12"]);
        Assert.Equal((0, ", there was a little girl named Lily. She\n", ""), (code, output.ReplaceLineEndings("\n"), error));
        // The prompt may be piped in, and the answer be JSON.
        (code, output, _) = await Tool.Run(["run", Stories, "--temperature", "0", "-n", "12", "--json"], "Once upon a time");
        var json = JsonNode.Parse(output)!;
        Assert.Equal((0, ", there was a little girl named Lily. She", "length", 12),
            (code, (string?)json["text"], (string?)json["finish"], (int)json["generated_tokens"]!));
    }

    [Fact]
    public async Task Logits_follow_a_reference_exactly()
    {
        var reference = SharedData.Path("models", "qwen2-tiny-Q4_K_M.reference.json");
        var expected = JsonNode.Parse(await File.ReadAllTextAsync(reference))!;
        var (code, output, error) =
            await Tool.Run(["logits", SharedData.Path("models", "qwen2-tiny-Q4_K_M.gguf"), "--follow", reference,
                "--activations", "float", "--json"]);
        Assert.Equal((0, ""), (code, error));
        var actual = JsonNode.Parse(output)!;
        Assert.Equal((string?)expected["architecture"], (string?)actual["architecture"]);
        Assert.Equal(expected["runs"]!.AsArray().Count, actual["runs"]!.AsArray().Count);
        foreach (var (run, mine) in expected["runs"]!.AsArray().Zip(actual["runs"]!.AsArray()))
        {
            Assert.True(JsonNode.DeepEquals(run!["prompt_tokens"], mine!["prompt_tokens"]));
            Assert.Equal(run["steps"]!.AsArray().Count, mine["steps"]!.AsArray().Count);
            foreach (var (step, my) in run["steps"]!.AsArray().Zip(mine["steps"]!.AsArray()))
            {
                Assert.Equal((int)step!["token"]!, (int)my!["token"]!);
                foreach (var (top, own) in step["top"]!.AsArray().Zip(my["top"]!.AsArray()))
                {
                    Assert.Equal((int)top![0]!, (int)own![0]!);
                    Assert.Equal((double)top[1]!, (double)own[1]!, 2e-3);
                }
            }
        }
    }

    [Fact]
    public async Task Logits_are_greedy_without_a_reference()
    {
        var (code, output, _) =
            await Tool.Run(["logits", Stories, "--prompts", "[[1,403,407],[1]]", "--steps", "3", "--top", "2", "--json"]);
        var runs = JsonNode.Parse(output)!["runs"]!.AsArray();
        Assert.Equal((0, 2), (code, runs.Count));
        Assert.All(runs, run => Assert.Equal(3, run!["steps"]!.AsArray().Count));
        Assert.All(runs,
            run => Assert.All(run!["steps"]!.AsArray(), step => Assert.Equal((int)step!["token"]!, (int)step["top"]![0]![0]!)));
    }

    [Theory]
    [InlineData("embed", "nomic-bert", "vector")]
    [InlineData("rank", "qwen3-reranker", "score")]
    public async Task Vectors_and_scores_are_the_references(string command, string model, string key)
    {
        var runs =
            JsonNode.Parse(await File.ReadAllTextAsync(SharedData.Path("models", $"families/{model}.reference.json")))!["runs"]!.AsArray();
        var prompts = $"[{string.Join(',', runs.Select(run => run!["tokens"]!.ToJsonString()))}]";
        var (code, output, error) =
            await Tool.Run([command, SharedData.Path("models", $"families/{model}.gguf"), "--prompts", prompts, "--raw",
                "--activations", "float", "--json"]);
        Assert.Equal((0, ""), (code, error));
        foreach (var (run, mine) in runs.Zip(JsonNode.Parse(output)!["runs"]!.AsArray()))
            Assert.Equal(run![key]!.AsArray().Select(v => (double)v!), mine![key]!.AsArray().Select(v => (double)v!),
                (a, b) => Math.Abs(a - b) < 2e-4);
    }

    [Theory]
    [InlineData("no classifier", "rank", "families/nomic-bert.gguf", "--prompts", "[[1]]")]
    [InlineData("outside the vocabulary", "embed", "families/nomic-bert.gguf", "--prompts", "[[1000]]")]
    [InlineData("is an encoder", "logits", "families/nomic-bert.gguf", "--prompts", "[[1]]")]
    public async Task What_a_model_does_not_do_is_said(string expected, string command, string model, params string[] more)
    {
        var (code, _, error) = await Tool.Run([command, SharedData.Path("models", model), .. more]);
        Assert.NotEqual(0, code);
        Assert.Contains(expected, error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public async Task Quantized_files_are_known_by_their_hash()
    {
        var (input, output) = (SharedData.Path("models", "formats/qwen2-F32.gguf"),
            Path.Combine(Path.GetTempPath(), $"banyan-{Guid.NewGuid():N}.gguf"));
        try
        {
            var (code, json, error) = await Tool.Run(["quantize", input, output, "--type", "q4_k_m", "--json"]);
            Assert.Equal((0, "c04724c0ad524faea8d10c7bc17ef034f5d946e042eb67f11176b8e40373ad5c", new FileInfo(output).Length),
                (code, (string?)JsonNode.Parse(json)!["sha256"], (long)JsonNode.Parse(json)!["bytes"]!));
            Assert.Equal("", error);
            (code, _, error) = await Tool.Run(["quantize", input, output, "--type", "Q4_0"]);
            Assert.NotEqual(0, code);
            Assert.Contains("is there already", error);
            (code, _, error) = await Tool.Run(["quantize", input, output, "--type", "Q9_0"]);
            Assert.NotEqual(0, code);
            Assert.Contains("Q4_K_M", error);
        }
        finally
        {
            File.Delete(output);
        }
    }

    [Fact]
    public async Task Bench_measures()
    {
        var (code, output, _) =
            await Tool.Run(["bench", Stories, "--prompt", "20", "--generate", "8", "--threads", "1", "--repetitions", "2", "--json"]);
        var json = JsonNode.Parse(output)!;
        Assert.Equal((0, "stories260K", 1), (code, (string?)json["model"], (int)json["threads"]!));
        Assert.All((string[])["prefill", "decode", "weight_bytes", "load_seconds", "memory_bytes"],
            key => Assert.True((double)json[key]! > 0, key));
    }

    [Fact]
    public async Task Bench_measures_depths_and_streams_and_draws_them()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-").FullName;
        try
        {
            var picture = Path.Combine(folder, "speed.svg");
            var (code, output, error) =
                await Tool.Run(["bench", Stories, "--prompt", "20", "--generate", "8", "--depth", "0,100", "--streams", "1,3",
                    "--threads", "2", "-r", "1",
                "--plot", picture, "--json"]);
            Assert.True(code == 0, $"{code}: {error}");
            var json = JsonNode.Parse(output)!;
            Assert.Equal([0, 100], json["depths"]!.AsArray().Select(d => (int)d!["depth"]!));
            Assert.Equal([1, 3], json["streams"]!.AsArray().Select(s => (int)s!["streams"]!));
            // The bandwidth is measured a moment before, on a machine that may be busy then: no upper bound holds.
            Assert.All(json["depths"]!.AsArray(), d => Assert.InRange((double)d!["decode_of_bandwidth"]!, 1e-6, double.MaxValue));
            Assert.Equal(1, (double)json["streams"]![0]!["of_one"]!);
            Assert.True((double)json["read_bandwidth"]! > 1e8);
            var svg = System.Xml.Linq.XDocument.Load(picture);
            Assert.Equal(6, svg.Descendants().Count(e => e.Name.LocalName == "rect") - 1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Chat_answers_piped_lines_and_commands()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("banyan-test-").FullName, "chat.gguf");
        try
        {
            WithTemplate(path);
            var (code, output, error) = await Tool.Run(["chat", path, "--temperature", "0", "-n", "4"],
                "Once upon a time\n/reset\nOnce upon a time\n/nonsense\n/exit\nnever read\n");
            var answers = output.TrimEnd().Split('\n');
            Assert.Equal((0, 2), (code, answers.Length));
            Assert.Equal(", there was a", answers[0].TrimEnd('\r'));
            Assert.Equal(answers[0], answers[1]); // forgotten in between
            Assert.Contains("/nonsense", error);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    // The story model with a template that lets it continue the last message.
    static void WithTemplate(string path)
    {
        using var file = ModelFile.Open(Stories);
        var writer = new GgufWriter();
        foreach (var (key, value) in file.Metadata.All)
            writer.Set(key, value);
        writer.Set("tokenizer.chat_template", "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}");
        foreach (var tensor in file.Tensors)
            writer.Add(tensor.Name, tensor.Format, tensor.Shape, stream =>
            {
                for (var row = 0L; row < tensor.Rows; row++)
                    stream.Write(tensor.Row(row));
            });
        using var to = File.Create(path);
        writer.WriteTo(to);
    }

    [Theory]
    [InlineData("no file or folder", "run", "nowhere.gguf", "x")]
    [InlineData("no chat template", "chat", "STORIES")]
    [InlineData("[[1,2],[3]]", "logits", "STORIES", "--prompts", "1,2")]
    [InlineData("512 tokens", "logits", "STORIES", "--prompts", "[[512]]")]
    [InlineData("<CURSOR>", "run", "STORIES", "--fim", "no marker")]
    [InlineData("fill-in-the-middle", "run", "STORIES", "--fim", "a<CURSOR>b")]
    [InlineData("do not fit", "bench", "STORIES", "--prompt", "5000")]
    [InlineData("do not fit", "bench", "STORIES", "--depth", "0,5000")]
    [InlineData("with commas", "bench", "STORIES", "--depth", "0;4")]
    [InlineData("--streams 0", "bench", "STORIES", "--streams", "0")]
    [InlineData(".svg", "bench", "STORIES", "--plot", "speed.gif")]
    public async Task A_failure_is_one_line_that_says_what_to_do(string says, params string[] arguments)
    {
        var (code, _, error) = await Tool.Run([.. arguments.Select(a => a == "STORIES" ? Stories : a)]);
        Assert.NotEqual(0, code);
        Assert.Contains(says, error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
