using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Quantization;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan quantize IN OUT --type T</c>: a model in fewer bits.</summary>
sealed class Quantize : Command
{
    readonly Argument<string> _input = new("IN") { Description = "A .gguf, best in F32, F16 or BF16" };
    readonly Argument<string> _output = new("OUT") { Description = "The file to write" };
    readonly Option<string> _type = new("--type")
    {
        Description = $"What to make of it: {string.Join(", ", Quantizer.Types)}",
        Required = true,
    };
    readonly Option<string?> _imatrix = new("--imatrix")
    {
        Description = "An importance matrix that 'banyan imatrix' or llama-imatrix wrote (.gguf)",
    };
    readonly Option<string[]> _tensor = new("--tensor")
    {
        Description = "Another weight format for tensors in whose names a regular expression is found: attn_v=Q8_0",
        HelpName = "PATTERN=FORMAT",
    };
    readonly Option<bool> _force = new("--force") { Description = "Replace a file that is there" };
    readonly Option<bool> _json = CommandParts.Json("""Print one JSON object: {"sha256":…,"bytes":…}""");

    public Quantize() : base("quantize", """
        Write a GGUF model again in fewer bits

        The bytes are those that llama.cpp's quantizer writes, on every processor.

        Examples:
          banyan quantize model-F16.gguf model-Q4_K_M.gguf --type Q4_K_M
          banyan quantize model-F16.gguf model-IQ4_XS.gguf --type IQ4_XS --imatrix model.imatrix.gguf --json
          banyan quantize model-F16.gguf model.gguf --type Q4_K_M --tensor attn_v=Q8_0 --tensor 'blk\.0\.=Q6_K'
        """)
    {
        _type.CompletionSources.Add(_ => Quantizer.Types.Select(t => new System.CommandLine.Completions.CompletionItem(t)));
        this.AddAll(_input, _output, _type, _imatrix, _tensor, _force, _json);
        SetAction(ExecuteAsync);
    }

    Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var path = arguments.GetValue(_output)!;
        using var file = ModelFile.Open(arguments.GetValue(_input)!);
        var quantizer = Of(file, arguments.GetValue(_type)!,
            arguments.GetValue(_imatrix) is { } matrix ? new ImportanceMatrix(matrix) : null, arguments.GetValue(_tensor) ?? []);
        if (Path.GetFullPath(path) == Path.GetFullPath(file.Path))
            throw new CommandException($"{path} is the input: name another file");
        if (Directory.Exists(path) || (File.Exists(path) && !arguments.GetValue(_force)))
            throw new CommandException($"{path} is there already: name another file{(Directory.Exists(path) ? "" : ", or give --force")}");
        try
        {
            Progress.Writing(path, progress => quantizer.Write(path, progress, cancellationToken));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException && File.Exists(path + ".part"))
        {
            Console.Error.WriteLine($"{path}.part has what was written: the same command resumes there.");
            throw;
        }
        using var stream = File.OpenRead(path);
        var (hash, bytes) = (Convert.ToHexStringLower(SHA256.HashData(stream)), stream.Length);
        Console.Out.WriteLine(arguments.GetValue(_json)
            ? new JsonObject { ["sha256"] = hash, ["bytes"] = bytes }.ToJsonString()
            : $"{path}: {bytes:N0} bytes, {100.0 * bytes / file.ByteLength:0} % of {file.ByteLength:N0}, SHA-256 {hash}");
        return Task.FromResult(0);
    }

    static Quantizer Of(ModelFile file, string type, ImportanceMatrix? importance, string[] tensors)
    {
        var pairs = tensors.Select(t => t.LastIndexOf('=') is > 0 and var at && at < t.Length - 1 ? (t[..at], t[(at + 1)..])
            : throw new CommandException($"--tensor {t}: PATTERN=FORMAT is needed, such as attn_v=Q8_0")).ToList();
        try
        {
            return new Quantizer(file, type, importance, pairs);
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"--type {type}: {e.Message}");
        }
    }
}
