using System.Text.Json;
using Banyan.Client.Tests.Support;
using Banyan.Tests;

namespace Banyan.Client.Tests;

/// <summary><c>banyan tune</c> with base and data that are repos of a hub.</summary>
public class TuneFromHubTests(SharedHub shared)
{
    [Fact]
    public async Task Base_and_data_are_pulled_and_named_by_their_commits()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var record = """{"prompt": "1 + 1 =", "completion": " 2, and no more"}"""u8.ToArray();
        byte[] records =
            [.. Enumerable.Range(0, 30)
                .SelectMany(i =>
                    (byte[])[.. System.Text.Encoding.UTF8.GetBytes(
                        $"{{\"prompt\": \"{i} + 1 =\", \"completion\": \" {i + 1}, and no more\"}}"), (byte)'\n'])];
        var (data, _) =
            await machine.PushAsync(machine.Folder("data", ("data/train.jsonl", records), ("data/test.jsonl", record),
                ("README.md", "# Sums\n"u8.ToArray())), "datasets/ana/sums");
        var (model, _) =
            await machine.PushAsync(machine.Folder("base", ("tiny.gguf", File.ReadAllBytes(SharedData.Path("models", "stories260K.gguf")))),
                "tiny-base");
        var mine = Path.Combine(machine.Home, "mine");
        string[] Tune(string data) =>
            ["tune", "ana/tiny-base", data, "--out", mine, "--steps", "2", "--length", "64", "--rank", "2", "--json"];

        await Run(machine, Tune("ana/sums"), 0);
        var file = File.ReadAllText(Path.Combine(mine, "tune.toml"));
        Assert.Contains($"base = \"ana/tiny-base@{model.Commit}\"", file);
        Assert.Contains($"data = \"datasets/ana/sums@{data.Commit}\"", file);
        Assert.Equal((model.Commit, "ana/tiny-base"),
            JsonDocument.Parse(File.ReadAllText(Path.Combine(mine, "adapter_config.json"))).RootElement is var config
            ? (config.GetProperty("revision").GetString(), config.GetProperty("base_model_name_or_path").GetString()) : default);
        // Pushed, it is known by its base; the data and this machine's paths stay here.
        var (pushed, _) = await machine.PushAsync(mine, "tiny-tuned");
        using (var client = machine.Client())
            Assert.Equal([".gitignore", "README.md", "adapter.gguf", "adapter_config.json", "adapter_model.safetensors"],
                (await client.ListAsync(Machine.Repo("tiny-tuned"), pushed.Commit!)).Select(f => f.Path).Where(p => p != ".gitattributes")
                    .Order(StringComparer.Ordinal));
        using (var http = new HttpClient { DefaultRequestHeaders = { Authorization = new("Bearer", hub.Ana) } })
        {
            var info =
                JsonDocument.Parse(
                    await http.GetStringAsync($"{hub.Address}/api/models/ana/tiny-tuned?expand=baseModels&expand=tags")).RootElement;
            Assert.Contains("base_model:ana/tiny-base", info.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
            Assert.Contains("dataset:ana/sums", info.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
            Assert.Equal("adapter", info.GetProperty("baseModels").GetProperty("relation").GetString());
        }

        // What is for testing was not pulled; one file of the repo is the same data; the file that was written goes on with the same run.
        Assert.False(
            File.Exists(Path.Combine(machine.Cache.Folder, "datasets--ana--sums", "snapshots", data.Commit!, "data", "test.jsonl")));
        await Run(machine, Tune("ana/sums:data/train.jsonl"), 0);
        Assert.Contains("going on", await Run(machine, ["tune", "--config", Path.Combine(mine, "tune.toml"), "--json"], 0));
        Assert.Contains("data/test.jsonl, data/train.jsonl", await Run(machine, Tune("ana/sums:nowhere.jsonl"), 1));
    }

    static async Task<string> Run(Machine machine, string[] arguments, int code)
    {
        using var process = machine.Start(arguments);
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == code, await errors);
        return await errors;
    }
}
