using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Runtime.Quantization;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan imatrix MODEL OUT.gguf --text FILE</c>: what matters of the weights, for quantize.</summary>
static class Imatrix
{
    public static Command Create()
    {
        var command = new Command("imatrix", """
            Measure over a text which columns of the weights matter, for 'quantize --imatrix'

            Writes GGUF as llama-imatrix does. Best of the model in the precision that is to be quantized.

            Examples:
              banyan imatrix model-F16.gguf model.imatrix.gguf --text calibration.txt
              banyan imatrix model-F16.gguf model.imatrix.gguf --text calibration.txt --chunks 100 --json
            """);
        var model = new ModelChoice(command);
        var output = new Argument<string>("OUT") { Description = "The .gguf to write" };
        command.Arguments.Add(output);
        var text = new TextChoice(command);
        var force = new Option<bool>("--force") { Description = "Replace a file that is there" };
        var json = new Option<bool>("--json") { Description = """Print one JSON object: {"matrices":…,"tokens":…}""" };
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetValue(output)!;
            if (Directory.Exists(path) || (File.Exists(path) && !arguments.GetValue(force)))
                throw new CommandException($"{path} is there already: name another file{(Directory.Exists(path) ? "" : ", or give --force")}");
            using var loaded = await model.LoadAsync(arguments, cancellationToken);
            var (tokens, chunk) = (text.Read(arguments, loaded), text.Chunk(arguments, loaded));
            using var bar = new ChunkBar(tokens.Count / chunk);
            var matrices = ImportanceCollector.Write(loaded, tokens, chunk, path, text.Name(arguments), bar, cancellationToken);
            var count = tokens.Count / chunk * chunk;
            Console.Out.WriteLine(arguments.GetValue(json)
                ? new JsonObject { ["matrices"] = matrices, ["tokens"] = count }.ToJsonString()
                : $"{path}: {matrices:N0} matrices over {count:N0} tokens");
            return 0;
        });
        return command;
    }
}
