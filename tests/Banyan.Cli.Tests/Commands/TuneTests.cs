using System.Diagnostics;
using System.Text.Json;
using Banyan.Tests;
using Parquet.Schema;
using Parquet.Serialization;

namespace Banyan.Cli.Tests.Commands;

/// <summary><c>banyan tune</c> as scripts and people use it, on a tiny model.</summary>
public sealed class TuneTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-tune-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static readonly string s_base = SharedData.Path("models", "qwen2-tiny-Q8_0.gguf");

    string Data(int records = 40)
    {
        var path = Path.Combine(_folder, "data.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, records).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "What is {{i}}?"}, {"role": "assistant", "content": "It is {{i * 7 % 10}}, of course."}]}"""));
        return path;
    }

    string[] Command(string folder, int steps, params string[] more) =>
        ["tune", s_base, Data(), "--out", Path.Combine(_folder, folder), "--steps", $"{steps}", "--seed", "3", "--length", "64", "--batch",
            "1", "--rank", "2", "--json", .. more];

    // Tasks need the sandbox.
    static readonly string[] s_judge = File.Exists("/usr/bin/bwrap") ? [] : ["--task", "none"];

    static List<JsonElement> Lines(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    [Fact]
    public async Task Items_of_benchmarks_are_named_in_Parquet_too()
    {
        var item =
            File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Banyan.Evaluation", "Tasks", "BanyanMini", "items",
                "csharp-20-PrimeGaps.item"));
        List<IDictionary<string, object?>> rows =
            [.. Enumerable.Range(0, 8)
                .Select(i => new Dictionary<string, object?> { ["text"] = i == 5 ? item : $"Text {i}, of nothing much." })];
        var data = Path.Combine(_folder, "data.parquet");
        await using (var stream = File.Create(data))
            await ParquetSerializer.SerializeUntypedAsync(rows, new ParquetSchema(new DataField<string>("text")), stream,
                cancellationToken: TestContext.Current.CancellationToken);
        var (code, _, error) =
            await Tool.Run(["tune", s_base, data, "--out", Path.Combine(_folder, "mine"), "--steps", "1",
                "--held-out-share", "0", "--rank", "2"]);
        Assert.True(code == 0, error);
        Assert.Contains("of banyan-mini: a result in it will say nothing", error);
        Assert.Contains("csharp/PrimeGaps: data.parquet, sample:6", error);
    }

    [Fact]
    public async Task One_object_a_step_the_last_with_what_is_held_out_and_a_folder_that_runs()
    {
        var (code, output, error) = await Tool.Run(Command("mine", 4));
        Assert.True(code == 0, error);
        var lines = Lines(output);
        Assert.Equal([1, 2, 3, 4], lines.Select(l => l.GetProperty("step").GetInt32()));
        Assert.All(lines, l => Assert.True(l.GetProperty("loss").GetDouble() > 0));
        Assert.True(lines[^1].GetProperty("held_out").GetDouble() > 0 && lines[^1].GetProperty("saved").GetBoolean());
        var mine = Path.Combine(_folder, "mine");
        Assert.Equal([".gitignore", "README.md", "adapter.gguf", "adapter_config.json", "adapter_model.safetensors", "tune.toml"],
            Directory.GetFiles(mine).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("It is", error); // the sample is shown
        Assert.Contains("| base | tuned |", File.ReadAllText(Path.Combine(mine, "README.md")));

        // Done is done: the last step is told again, and the files are the same.
        var files = Directory.GetFiles(mine).ToDictionary(f => f, File.ReadAllBytes);
        (code, output, error) = await Tool.Run(Command("mine", 4));
        Assert.True(code == 0, error);
        Assert.Equal(lines[^1].GetProperty("held_out").GetDouble(), Lines(output).Single().GetProperty("held_out").GetDouble());
        Assert.All(files, f => Assert.Equal(f.Value, File.ReadAllBytes(f.Key)));

        (code, _, error) = await Tool.Run(Command("mine", 5));
        Assert.Equal(1, code);
        Assert.Contains("Steps was 4 and is 5", error);
        (code, output, error) = await Tool.Run(["run", s_base, "Hello", "--adapter", mine, "-n", "4", "--json"]);
        Assert.True(code == 0, error);

        // Evaluated apart, the held-out texts say what the run said; two items tell nothing.
        (code, output, error) =
            await Tool.Run(["tune", "evaluate", s_base, mine, "--limit", "2", "--max-tokens", "4", "--out",
                Path.Combine(_folder, "evaluations"), "--json", .. s_judge]);
        Assert.True(code == 0, error);
        var evaluated = Lines(output).Single();
        Assert.Equal(lines[^1].GetProperty("held_out").GetDouble(),
            evaluated.GetProperty("held_out").GetProperty("tuned").GetDouble(), 1e-4);
        Assert.Equal(lines[^1].GetProperty("held_out_before").GetDouble(),
            evaluated.GetProperty("held_out").GetProperty("base").GetDouble(), 1e-4);
        if (s_judge.Length == 0)
            Assert.Equal(("banyan-mini", 2, "undecided"), evaluated.GetProperty("tasks")[0] is var task
                ? (task.GetProperty("task").GetString(), task.GetProperty("items").GetInt32(),
                    task.GetProperty("verdict").GetString()) : default);

        // The file repeats the run; what is on the command line decides before it.
        var again = Path.Combine(_folder, "again");
        (code, output, error) =
            await Tool.Run(["tune", "--config", Path.Combine(mine, "tune.toml"), "--out", again, "--json", "--price-per-kwh",
                "0.3", "--watts", "40"]);
        Assert.True(code == 0, error);
        Assert.Contains("40 W as given", error);
        Assert.Equal(lines[^1].GetProperty("held_out").GetDouble(), Lines(output)[^1].GetProperty("held_out").GetDouble());
        foreach (var name in new[] { "adapter.gguf", "adapter_model.safetensors" })
            Assert.Equal(files[Path.Combine(mine, name)], File.ReadAllBytes(Path.Combine(again, name)));
    }

    [Theory]
    [InlineData("stpes = 4", "did you mean steps?")]
    [InlineData("data = [\"a\", \"b\"]", "bad.toml:1: data has 2 values")]
    [InlineData("lr = \"much\"", "bad.toml:1")]
    [InlineData("rank = 0", "--rank 0: between 1 and 4096 (from")]
    public async Task A_file_that_says_what_cannot_be_is_refused_with_its_line(string line, string names)
    {
        var file = Path.Combine(_folder, "bad.toml");
        File.WriteAllText(file, line);
        var (code, output, error) = await Tool.Run(["tune", s_base, Data(), "--out", Path.Combine(_folder, "bad"), "--config", file]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(names, error);
        Assert.False(Directory.Exists(Path.Combine(_folder, "bad")));
    }

    // Every option is in the file that repeats a run, or is known to decide nothing of its result.
    [Fact]
    public async Task The_file_has_every_option_that_decides_the_result()
    {
        var (_, output, _) = await Tool.Run(["tune", "--help"]);
        var options = System.Text.RegularExpressions.Regex.Matches(output, "^  (?:-[a-z], )?(--[a-z-]+)",
            System.Text.RegularExpressions.RegexOptions.Multiline).Select(m => m.Groups[1].Value[2..]).ToHashSet();
        Assert.Contains("top-layers", options);
        var source = File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Banyan.Cli", "Commands", "Tune", "TuneFile.cs"));
        Assert.All(options.Where(o => o != "help"), o => Assert.True(
            source.Contains($"\"{o}\"", StringComparison.Ordinal) || source.Contains($"\"--{o}\"", StringComparison.Ordinal),
            $"--{o} is neither in tune.toml nor known to decide nothing"));
    }

    /// <summary>The steps that were told between an interrupt and the end, or null where the run was done before it.</summary>
    static async Task<IReadOnlyList<JsonElement>?> InterruptAsync(string[] command)
    {
        using var process = Process.Start(BanyanProgram.Start(command))!;
        var error = process.StandardError.ReadToEndAsync();
        Assert.NotNull(await process.StandardOutput.ReadLineAsync());
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        var told = Lines(await process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode == 0)
            return null;
        Assert.True(process.ExitCode == 130, await error);
        Assert.Contains("the same command resumes", await error);
        return told;
    }

    [Fact]
    public async Task Interrupted_it_saves_and_the_same_command_comes_to_the_same_files()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("signals of Unix");
        var command = Command("parts", 400);
        var told = await InterruptAsync(command);
        // Where this test waits long for a processor, the run may be done before: then once more.
        for (var more = 0; told is null && more < 20; more++)
        {
            Directory.Delete(Path.Combine(_folder, "parts"), recursive: true);
            told = await InterruptAsync(command);
        }
        Assert.NotNull(told);

        var (code, output, problem) = await Tool.Run(command);
        Assert.True(code == 0, problem);
        Assert.Contains("going on  after step", problem);
        var first = Lines(output)[0].GetProperty("step").GetInt32();
        Assert.Equal(told.Count == 0 ? 2 : told[^1].GetProperty("step").GetInt32() + 1, first);
        (code, _, problem) = await Tool.Run(Command("whole", 400));
        Assert.True(code == 0, problem);
        // which names its folder
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "whole")).Where(f => !f.EndsWith(".toml", StringComparison.Ordinal)))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(_folder, "parts", Path.GetFileName(file))));
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho" }""", "line 3")]
    [InlineData("""{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}""", "line 3")]
    public async Task Bad_data_is_named_before_anything_is_trained(string record, string place)
    {
        var command = Command("bad", 2);
        File.WriteAllLines(command[2], [.. File.ReadAllLines(command[2])[..2], record]);
        var (code, output, error) = await Tool.Run(command);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(place, error);
        Assert.Contains("--skip-bad", error);
        (code, output, error) = await Tool.Run([.. command, "--skip-bad"]);
        Assert.True(code == 0, error);
        Assert.Equal(2, Lines(output).Count);
    }

    [Fact]
    public async Task Every_weight_is_trained_and_written_as_a_model_that_runs()
    {
        var (code, output, error) =
            await Tool.Run([.. Command("full", 2).Where((_, i) => i is not (12 or 13)), "--method", "full", "--type", "F16", "--report",
                Path.Combine(_folder, "run.html")]);
        Assert.True(code == 0, error);
        var page = File.ReadAllText(Path.Combine(_folder, "run.html"));
        Assert.All(["<svg", "<polyline", "held out", "before", "in the data", "method = &quot;full&quot;", "What is ",
            "default-src 'none'"], part => Assert.Contains(part, page));
        Assert.All(["<script", "http:", "https:", "src="], part => Assert.DoesNotContain(part, page));
        Assert.True(Lines(output)[^1].GetProperty("held_out").GetDouble() > 0);
        var full = Path.Combine(_folder, "full");
        Assert.Equal([".gitignore", "README.md", "model.gguf", "tune.toml"],
            Directory.GetFiles(full).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        (code, _, error) = await Tool.Run(["run", full, "Hello", "-n", "4", "--json"]);
        Assert.True(code == 0, error);
    }

    // The teacher is a model that was taught to answer and to end, so that its answers are whole.
    [Fact]
    public async Task A_teacher_teaches_by_text_and_by_logits()
    {
        var data = Path.Combine(_folder, "questions.jsonl");
        File.WriteAllLines(data, Enumerable.Range(0, 12).Select(i => $$"""{"prompt": "What is {{i}}?", "completion": " It is {{i}}."}"""));
        string[] common = ["--length", "64", "--batch", "1", "--json", "--evaluate-every", "0"];
        var teacher = Path.Combine(_folder, "teacher");
        var (code, output, error) =
            await Tool.Run(["tune", s_base, data, "--out", teacher, "--method", "full", "--lr", "2e-3", "--steps", "12", .. common]);
        Assert.True(code == 0, error);

        var (byText, answers) = (Path.Combine(_folder, "by-text"), Path.Combine(_folder, "by-text", "training", "answers.jsonl"));
        string[] command = ["tune", "distill", teacher, s_base, data, "--by", "text", "--prompts", "6", "-n", "16", "--out", byText,
            "--rank", "2", "--steps", "2", .. common];
        (code, output, error) = await Tool.Run(command);
        Assert.True(code == 0, error);
        Assert.Equal(2, Lines(output).Count);
        Assert.Equal(6, File.ReadAllLines(answers).Length);
        Assert.Contains("answers of", File.ReadAllText(Path.Combine(byText, "README.md")));
        Assert.Contains("It is", File.ReadAllText(Path.Combine(byText, "training", "selected.jsonl")));
        // Cut off in a line, only what is missing is asked, and comes out the same.
        var whole = File.ReadAllText(answers);
        File.WriteAllText(answers, whole[..(whole.Length / 2)]);
        (code, _, error) = await Tool.Run(command);
        Assert.True(code == 0, error);
        Assert.Contains("of 6 answers to ask for", error);
        Assert.Equal(whole, File.ReadAllText(answers));

        // Behind our own server's API it answers the same.
        using (var server =
            new Process { StartInfo = BanyanProgram.Start("serve", Path.Combine(teacher, "model.gguf"), "--port", "0", "--threads", "1") })
        {
            server.Start();
            try
            {
                string? line;
                do
                    line = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
                while (line is not null && !line.Contains("http://", StringComparison.Ordinal));
                Assert.NotNull(line);
                var address = line[line.IndexOf("http://", StringComparison.Ordinal)..].Trim();
                command[2] = $"{address}/v1#model";
                command[Array.IndexOf(command, "--out") + 1] = Path.Combine(_folder, "by-api");
                (code, output, error) = await Tool.Run([.. command.Where(a => a is not ("--by" or "text"))]);
                Assert.True(code == 0, error);
            }
            finally
            {
                server.Kill(entireProcessTree: true);
            }
        }
        static IEnumerable<string?> Answers(string lines) =>
            lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonDocument.Parse(l).RootElement.GetProperty("completion").GetString());
        Assert.Equal(Answers(whole), Answers(File.ReadAllText(Path.Combine(_folder, "by-api", "training", "answers.jsonl"))));

        // Softer distributions, and in part the data's own tokens: another loss.
        var losses = new List<double>();
        foreach (var more in new string[][] { [], ["--temperature", "2", "--mix", "0.5"] })
        {
            var byLogits = Path.Combine(_folder, $"by-logits{more.Length}");
            (code, output, error) =
                await Tool.Run(["tune", "distill", teacher, s_base, data, "--out", byLogits, "--rank", "2", "--steps",
                    "2", .. common, .. more]);
            Assert.True(code == 0, error);
            losses.Add(Lines(output)[0].GetProperty("loss").GetDouble());
            var settings = File.ReadAllText(Path.Combine(byLogits, "tune.toml"));
            Assert.StartsWith("# Repeats this run: banyan tune distill", settings);
            Assert.Contains(more.Length == 0 ? "mix = 1" : "mix = 0.5", settings);
        }
        Assert.True(losses.All(l => l > 0.5) && Math.Abs(losses[0] - losses[1]) > 0.1, string.Join(" ", losses));
    }

    // A language that sprout has never read costs it many tokens.
    [Fact]
    public async Task New_tokens_are_learned_from_the_data_and_a_whole_model_comes_of_it()
    {
        var (sprout, data, mine) = (Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"),
            Path.Combine(_folder, "hindi.jsonl"), Path.Combine(_folder, "mine"));
        string[] who = ["किसान", "शिक्षक", "लड़की", "माँ"], what = ["पानी", "किताब", "चावल"], does = ["लाता है", "देखता है"];
        File.WriteAllLines(data, Enumerable.Range(0, 100)
            .Select(i => $$"""{"text": "{{who[i % 4]}} बाज़ार में {{what[i % 3]}} {{does[i / 3 % 2]}} और {{i}} लोग देखते हैं।"}"""));
        string[] command = ["tune", sprout, data, "--out", mine, "--extend-vocabulary", "50", "--steps", "8", "--lr", "1e-2", "--length",
            "128", "--rank", "2", "--json"];
        var (code, output, error) = await Tool.Run(command);
        Assert.True(code == 0, error);
        Assert.Contains("vocabulary 50 new tokens behind 4,096", error);
        Assert.Contains("Hindi: ", error);
        Assert.Equal([".gitignore", "README.md", "model.gguf", "tune.toml"],
            Directory.GetFiles(mine).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("extend-vocabulary = 50", File.ReadAllText(Path.Combine(mine, "tune.toml")));

        // Done is done; and the base's own tokens say how much better it is.
        var written = File.ReadAllBytes(Path.Combine(mine, "model.gguf"));
        (code, output, error) = await Tool.Run(command);
        Assert.True(code == 0, error);
        Assert.Equal(written, File.ReadAllBytes(Path.Combine(mine, "model.gguf")));
        (code, output, error) = await Tool.Run(["tune", "evaluate", sprout, mine, "--task", "none", "--json"]);
        Assert.True(code == 0, error);
        Assert.Equal("better", JsonDocument.Parse(output).RootElement.GetProperty("held_out").GetProperty("verdict").GetString());
        (code, output, error) = await Tool.Run(["tokenize", Path.Combine(mine, "model.gguf"), "--json"], "बाज़ार में किताब");
        Assert.True(code == 0, error);
        Assert.Contains(JsonDocument.Parse(output).RootElement.GetProperty("ids").EnumerateArray(), id => id.GetInt32() >= 4096);
        Assert.Contains("<polyline", File.ReadAllText(Path.Combine(mine, "training", "run.html")));

        (code, _, error) = await Tool.Run([.. command.Where(a => a is not ("--rank" or "2")), "--method", "scratch"]);
        Assert.Equal(1, code);
        Assert.Contains("--method scratch begins from random", error);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/v1#x --by logits", "gives no distributions")]
    [InlineData("http://127.0.0.1:1/v1#x --mix 0.5", "--mix is of distributions")]
    [InlineData("http://127.0.0.1:1/v1#x -T 3", "0 to 2")]
    [InlineData("none.gguf -T 0", "0.05 or more")]
    [InlineData("STORIES", "vocabulary")]
    public async Task A_teacher_that_cannot_teach_is_refused(string teacher, string names)
    {
        var (code, output, error) =
            await Tool.Run(["tune", "distill", .. teacher.Replace("STORIES", SharedData.Path("models", "stories260K.gguf")).Split(' ')[..1],
                .. Command("none", 2)[1..], .. teacher.Split(' ')[1..]]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(names, error);
        Assert.False(Directory.Exists(Path.Combine(_folder, "none")));
    }

    [Theory]
    [InlineData("--method full", "--rank is of adapters")]
    [InlineData("--type F16", "--type is of whole models")]
    [InlineData("--report nowhere/run.html", "there is no folder")]
    [InlineData("--warmup 2", "between 0 and 1")]
    [InlineData("--lr 0,001", "0.001")]
    [InlineData("--target attn_quux", "attn_quux")]
    [InlineData("--objective dpo", "chosen")]
    [InlineData("--method qlora", "qlora")]
    public async Task Wrong_options_are_refused_by_name(string options, string names)
    {
        var (code, output, error) = await Tool.Run([.. Command("wrong", 2), .. options.Split(' ')]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(names, error);
    }
}
