using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Cli.Hubs;
using Banyan.Client;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune merge BASE ADAPTER OUT</c>: one model of both.</summary>
sealed class MergeCommand : Command
{
    readonly Argument<string> _model = new("BASE") { Description = "A .gguf, a folder of safetensors, or a repo on the hub" };
    readonly Argument<string> _adapter = new("ADAPTER") { Description = "A folder that PEFT or 'banyan tune' wrote, or a .gguf" };
    readonly Argument<string> _output = new("OUT") { Description = "The file or folder to write" };
    readonly Option<string?> _type = new("--type", "-t")
    {
        Description = $"Weight formats: {string.Join(", ", AdapterMerge.Types)} (default: the base's)",
    };
    readonly Option<bool> _force = new("--force") { Description = "Replace the file if it is there" };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object");

    public MergeCommand() : base("merge", """
        Make one model of a base and its adapter

        A GGUF base becomes a GGUF file, a folder of safetensors a folder; everything but the adapted weights stays as it was.

        Examples:
          banyan tune merge coder.gguf mine/ coder-mine.gguf
          banyan tune merge coder-f16.gguf mine/ coder-mine.gguf --type Q4_K_M
          banyan tune merge Qwen2.5-Coder-0.5B/ mine/ coder-mine/
        """)
    {
        this.AddAll(_model, _adapter, _output, _type, _force, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (from, to) = (arguments.GetRequiredValue(_adapter), Path.GetFullPath(arguments.GetRequiredValue(_output)));
        CheckOutput(to, arguments.GetValue(_force));
        var path = await ModelPull.PathAsync(arguments.GetRequiredValue(_model), cancellationToken);
        using var file = ModelFile.Open(path);
        try
        {
            var merge = AdapterMerge.Of(file, from, arguments.GetValue(_type));
            if (Directory.Exists(to) || merge.IsGguf != to.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
                throw new CommandException(merge.IsGguf
                    ? $"the base is GGUF, so OUT is a file that ends in .gguf, not '{arguments.GetValue(_output)}'"
                    : $"the base is a folder of safetensors, so OUT is a folder that is not there yet, not '{arguments.GetValue(_output)}'");
            Progress.Writing(to, progress => merge.Write(to, progress));
            if (!merge.IsGguf)
                WriteCard(to, arguments.GetRequiredValue(_model), from);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CommandException(e.Message);
        }
        var bytes = File.Exists(to) ? new FileInfo(to).Length : Directory.GetFiles(to).Sum(f => new FileInfo(f).Length);
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(new JsonObject { ["path"] = to, ["bytes"] = bytes }.ToJsonString());
        else
            Console.Out.WriteLine($"{to}  {Sizes.Bytes(bytes)}");
        return 0;
    }

    // What a hub draws the model's lineage from: the base, where it is named by its repo. One base and what was trained on it is a
    // fine-tune there.
    static void WriteCard(string folder, string model, string adapter)
    {
        var config = Path.Combine(adapter, "adapter_config.json");
        var trainedOn = File.Exists(config) ? (string?)JsonNode.Parse(File.ReadAllText(config))?["base_model_name_or_path"] : null;
        var repo = new[] { trainedOn, model }.Select(RepoOf).FirstOrDefault(r => r is not null);
        var front = repo is null ? "" : $"base_model: {JsonValue.Create(repo).ToJsonString()}\nbase_model_relation: finetune\n";
        File.WriteAllText(Path.Combine(folder, "README.md"), $"""
            ---
            {front}library_name: transformers
            pipeline_tag: text-generation
            tags:
              - banyan
            ---

            # {Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))}

            Merged by Banyan of the base `{repo ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(model))}` and the adapter `{Path.GetFileName(Path.TrimEndingDirectorySeparator(adapter))}`: W + scale · B·A in each adapted matrix, all else as it was.

            """);
    }

    static string? RepoOf(string? name) =>
        name is not null && name.Contains('/') && !File.Exists(name) && !Directory.Exists(name)
        && !Path.IsPathRooted(name) && !name.StartsWith('.')
        && RepoId.TryParse(name.Split(':')[0], RepoType.Model, out var repo, out _) ? repo.Name : null;

    static void CheckOutput(string path, bool force)
    {
        if (Outputs.NoFile(path) is { } other)
            throw new CommandException($"{path} is {other}, which is not replaced; name a file or a folder that is not there yet");
        if (File.Exists(path) && !force)
            throw new CommandException($"{path} is there already; --force replaces it");
        if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) is { } folder && !Directory.Exists(folder))
            throw new CommandException($"there is no folder {folder}; make it first");
    }
}
