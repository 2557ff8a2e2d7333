using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Runtime.Quantization;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan imatrix MODEL OUT.gguf --text FILE</c>: an importance matrix, for quantize.</summary>
sealed class Imatrix : Command
{
    readonly ModelChoice _model;
    readonly Argument<string> _output = new("OUT") { Description = "The .gguf to write" };
    readonly TextChoice _text;
    readonly Option<bool> _force = new("--force") { Description = "Replace a file that is there" };
    readonly Option<bool> _json = CommandParts.Json("""Print one JSON object: {"matrices":…,"tokens":…}""");

    public Imatrix() : base("imatrix", """
        Measure over a text which columns of the weights matter, for 'quantize --imatrix'

        Writes GGUF as llama-imatrix does. Best of the model in the precision that is to be quantized.

        Examples:
          banyan imatrix model-F16.gguf model.imatrix.gguf --text calibration.txt
          banyan imatrix model-F16.gguf model.imatrix.gguf --text calibration.txt --chunks 100 --json
        """)
    {
        _model = new ModelChoice(this);
        this.AddAll(_output);
        _text = new TextChoice(this);
        this.AddAll(_force, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var path = arguments.GetValue(_output)!;
        if (Directory.Exists(path) || (File.Exists(path) && !arguments.GetValue(_force)))
            throw new CommandException($"{path} is there already: name another file{(Directory.Exists(path) ? "" : ", or give --force")}");
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        var (tokens, chunk) = (_text.Read(arguments, loaded), _text.Chunk(arguments, loaded));
        using var bar = new ChunkBar(tokens.Count / chunk);
        var matrices = ImportanceCollector.Write(loaded, tokens, chunk, path, _text.Name(arguments), bar, cancellationToken);
        var count = tokens.Count / chunk * chunk;
        Console.Out.WriteLine(arguments.GetValue(_json)
            ? new JsonObject { ["matrices"] = matrices, ["tokens"] = count }.ToJsonString()
            : $"{path}: {matrices:N0} matrices over {count:N0} tokens");
        return 0;
    }
}
