using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Synthesis;
using Spectre.Console;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan synthesize SHAPE OUT</c>: a model of a published shape with random weights.</summary>
sealed class Synthesize : Command
{
    static readonly string s_description =
        "Make a model of a published shape with random weights\n\nAs large and as fast as the real one, for benchmarks and tests. "
        + $"Shapes: {string.Join(", ", Synthesizer.Shapes.Select(s => s.Name))}; with -N-layers behind the name its first N layers only.\n\n"
        + "Examples:\n"
        + "  banyan synthesize qwen2.5-coder-1.5b /tmp/1.5b.gguf --type Q4_K_M\n"
        + "  banyan synthesize qwen2.5-coder-0.5b /tmp/ --type Q8_0 --tokenizer ../shared/tokenizers/qwen2.5\n"
        + "  banyan synthesize gpt-oss-20b-6-layers /tmp/ --type MXFP4_MOE --json";

    readonly Argument<string> _shape = new("SHAPE") { Description = "The model, such as qwen2.5-coder-1.5b." };
    readonly Argument<string> _output = new("OUT") { Description = "The file to write, or the folder to write SHAPE-TYPE.gguf in." };
    readonly Option<string> _type = new("--type", "-t")
    {
        Description = $"The weight formats: {string.Join(", ", Synthesizer.Types)}.",
        DefaultValueFactory = _ => "Q4_K_M",
    };
    readonly Option<string?> _tokenizer = new("--tokenizer")
    {
        Description = "A folder with vocab.json and merges.txt; without it the vocabulary is made up.",
        HelpName = "DIR",
    };
    readonly Option<ulong> _seed = new("--seed") { Description = "The same seed gives the same bytes.", DefaultValueFactory = _ => 1 };
    readonly Option<bool> _force = new("--force") { Description = "Replace the file if it is there." };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object instead of text.");

    public Synthesize() : base("synthesize", s_description)
    {
        this.AddAll(_shape, _output, _type, _tokenizer, _seed, _force, _json);
        SetAction(ExecuteAsync);
    }

    Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellation)
    {
        var run = new Run(
            arguments.GetValue(_shape)!, arguments.GetValue(_output)!, arguments.GetValue(_type)!, arguments.GetValue(_tokenizer),
            arguments.GetValue(_seed), arguments.GetValue(_force), arguments.GetValue(_json));
        return Task.Run(() => Execute(run, cancellation), CancellationToken.None);
    }

    sealed record Run(string Shape, string Output, string Type, string? Tokenizer, ulong Seed, bool Force, bool Json);

    static int Execute(Run run, CancellationToken cancellation)
    {
        // :: 1. What to make and where; everything that can be refused is, before a byte is written.
        if (Synthesizer.Find(run.Shape) is not { } shape)
            throw new CommandException(
                $"unknown shape '{run.Shape}'; known are {string.Join(", ", Synthesizer.Shapes.Select(s => s.Name))}");
        if (Synthesizer.Types.FirstOrDefault(t => t.Equals(run.Type, StringComparison.OrdinalIgnoreCase)) is not { } type)
            throw new CommandException($"unknown type '{run.Type}'; known are {string.Join(", ", Synthesizer.Types)}");
        var path = Directory.Exists(run.Output) ? Path.Combine(run.Output, $"{shape.Name}-{type}.gguf") : Path.GetFullPath(run.Output);
        if (Outputs.NoFile(path) is { } other)
            throw new CommandException($"{path} is {other}, which --force does not replace either; name a file");
        if (File.Exists(path) && !run.Force)
            throw new CommandException($"{path} is there already; --force replaces it");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            throw new CommandException($"there is no folder {folder}; make it first");
        try
        {
            var writer = Synthesizer.Create(shape, type, run.Tokenizer, run.Seed);
            if (new DriveInfo(folder).AvailableFreeSpace is var free && free < writer.ByteLength)
                throw new CommandException(
                    $"{folder} has {Sizes.Bytes(free)} free, but {shape.Name} in {type} takes {Sizes.Bytes(writer.ByteLength)}; free some space, or take another folder or type");

            // :: 2. Write beside the target, then rename: a half-written file never bears the name.
            var watch = Stopwatch.StartNew();
            WriteAndRename(writer, path, run.Json, cancellation);
            Report(run, shape, type, path, new FileInfo(path).Length, watch.Elapsed.TotalSeconds);
            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{path} cannot be written: {SystemProblem.Of(e)}");
        }
        catch (OperationCanceledException)
        {
            throw new CommandException("stopped; nothing was left behind");
        }
    }

    static void WriteAndRename(GgufWriter writer, string path, bool quiet, CancellationToken cancellation)
    {
        var temporary = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                Progress.Bytes(Path.GetFileName(path), writer.ByteLength, quiet, report => writer.WriteTo(stream, done =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    report(done);
                }));
                stream.Flush(flushToDisk: false); // a benchmark's input: to be made again, not to be kept
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    static void Report(Run run, ModelShape shape, string type, string path, long bytes, double seconds)
    {
        if (run.Json)
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                path,
                shape = shape.Name,
                type,
                architecture = shape.Architecture,
                parameters = shape.Parameters,
                bytes,
                bitsPerWeight = Math.Round(8.0 * bytes / shape.Parameters, 3),
                seconds = Math.Round(seconds, 3),
                bytesPerSecond = (long)(bytes / seconds),
            }));
        else
            AnsiConsole.MarkupLineInterpolated(
                $"[green]{path}[/]: {shape.Title}, {type}, {Sizes.Bytes(bytes)} in {seconds:0.0} s ({Sizes.Bytes((long)(bytes / seconds))}/s)");
    }
}
