using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Runtime.Quantization;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan convert IN OUT</c>: a folder of safetensors as a GGUF file, and back.</summary>
sealed class ConvertCommand : Command
{
    readonly Argument<string> _input = new("IN") { Description = "A folder with config.json and .safetensors files, or a .gguf" };
    readonly Argument<string> _output = new("OUT") { Description = "The .gguf to write; of a .gguf, the folder" };
    readonly Option<string?> _type = new("--type")
    {
        Description = $"What matrices become (as they are): {string.Join(", ", Quantizer.Types)}; in a folder F32, F16 or BF16",
    };
    readonly Option<string?> _imatrix = new("--imatrix") { Description = "An importance matrix (.gguf)" };
    readonly Option<bool> _force = new("--force")
    {
        Description = "Replace a file that is there, or write into a folder that is not empty",
    };
    readonly Option<bool> _json = CommandParts.Json("""Print one JSON object: {"sha256":…,"bytes":…} of a file, {"folder":…,"bytes":…}""");

    public ConvertCommand() : base("convert", """
        Write a folder of safetensors as a GGUF file, or a GGUF file as a folder

        The GGUF file has all that llama.cpp reads of one, tokenizer and chat template included. The folder is what transformers reads.

        Examples:
          banyan convert ./Qwen3-4B model-BF16.gguf
          banyan convert ./Qwen3-4B model-Q4_K_M.gguf --type Q4_K_M
          banyan convert model-Q8_0.gguf ./model --type BF16
        """)
    {
        _type.CompletionSources.Add(_ => Quantizer.Types.Select(t => new System.CommandLine.Completions.CompletionItem(t)));
        this.AddAll(_input, _output, _type, _imatrix, _force, _json);
        SetAction(ExecuteAsync);
    }

    Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var path = arguments.GetValue(_output)!;
        using var file = ModelFile.Open(arguments.GetValue(_input)!);
        try
        {
            Console.Out.WriteLine(file.Kind == ModelFileKind.Safetensors
                ? ToGguf(file, path, arguments.GetValue(_type), arguments.GetValue(_imatrix), arguments.GetValue(_force),
                    arguments.GetValue(_json), cancellationToken)
                : ToFolder(file, path, arguments.GetValue(_type), arguments.GetValue(_imatrix), arguments.GetValue(_force),
                    arguments.GetValue(_json), cancellationToken));
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"--type {arguments.GetValue(_type)}: {e.Message}");
        }
        return Task.FromResult(0);
    }

    static string ToGguf(ModelFile file, string path, string? type, string? imatrix, bool force, bool json,
        CancellationToken cancellationToken)
    {
        if (Directory.Exists(path) || path.EndsWith(Path.DirectorySeparatorChar) || (File.Exists(path) && !force))
            throw new CommandException(
                $"{path} is {(File.Exists(path) ? "there already: name another file, or give --force" : "a folder: name the .gguf to write")}");
        using var conversion = new GgufConversion(file, type, imatrix is null ? null : new ImportanceMatrix(imatrix));
        Progress.Writing(path, progress => conversion.Write(path, progress, cancellationToken));
        using var stream = File.OpenRead(path);
        var (hash, bytes) = (Convert.ToHexStringLower(SHA256.HashData(stream)), stream.Length);
        return json ? new JsonObject { ["sha256"] = hash, ["bytes"] = bytes }.ToJsonString() : $"{path}: {bytes:N0} bytes, SHA-256 {hash}";
    }

    static string ToFolder(ModelFile file, string path, string? type, string? imatrix, bool force, bool json,
        CancellationToken cancellationToken)
    {
        if (imatrix is not null)
            throw new CommandException("--imatrix is for GGUF files that are written, and this writes a folder: leave it out");
        if (File.Exists(path))
            throw new CommandException($"{path} is a file: name a folder to write");
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any() && !force)
            throw new CommandException($"{path} is a folder that is not empty: name another, or give --force");
        var conversion = new FolderConversion(file, type);
        Progress.Writing(path, progress => conversion.Write(path, progress, cancellationToken));
        var bytes = Directory.EnumerateFiles(path, "*.safetensors").Sum(f => new FileInfo(f).Length);
        return json ? new JsonObject { ["folder"] = path, ["bytes"] = bytes }.ToJsonString() : $"{path}: {bytes:N0} bytes of weights";
    }
}
