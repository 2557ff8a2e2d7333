using System.CommandLine;
using System.Text.Json;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands;

/// <summary>The text that a model is measured on, in chunks.</summary>
sealed class TextChoice
{
    readonly Option<string?> _text = new("--text") { Description = "A file of UTF-8 text; - for standard input", HelpName = "FILE" };
    readonly Option<string?> _tokens = new("--tokens") { Description = "Token ids in place of a text: [1,2,3]" };
    readonly Option<int?> _chunk = new("--chunk")
    {
        Description = "Tokens of a chunk, which knows nothing of the one before (default: 512, at most the context)",
    };
    readonly Option<int?> _chunks = new("--chunks") { Description = "The most chunks (default: all of the text)" };

    public TextChoice(Command command)
    {
        _chunk.Between(2, int.MaxValue);
        _chunks.Between(1, int.MaxValue);
        command.AddAll(_text, _tokens, _chunk, _chunks);
    }

    /// <summary>The text's name.</summary>
    public string Name(ParseResult arguments) =>
        arguments.GetValue(_text) is { } file and not "-" ? Path.GetFileName(file) : "standard input";

    public int Chunk(ParseResult arguments, Model model) => arguments.GetValue(_chunk) ?? Math.Min(512, model.ContextLength);

    /// <summary>The text as tokens.</summary>
    public IReadOnlyList<int> Read(ParseResult arguments, Model model)
    {
        var most = arguments.GetValue(_chunks) is { } chunks ? (long)chunks * Chunk(arguments, model) : long.MaxValue;
        int[] tokens;
        if (arguments.GetValue(_tokens) is { } ids)
            try
            {
                tokens = JsonSerializer.Deserialize<int[]>(ids) ?? [];
            }
            catch (JsonException e)
            {
                throw new CommandException($"--tokens cannot be read: [1,2,3] is needed ({JsonProblem.Of(e)})");
            }
        else
            tokens = model.Tokenizer.Encode(arguments.GetValue(_text) switch
            {
                null => throw new CommandException("give --text FILE (- for standard input), or --tokens"),
                "-" => Console.In.ReadToEnd(),
                var file when !File.Exists(file) => throw new CommandException($"--text {file}: there is no such file"),
                var file => File.ReadAllText(file),
            }, addSpecial: true, parseSpecial: false);
        return tokens.Length > most ? tokens[..(int)most] : tokens;
    }
}
