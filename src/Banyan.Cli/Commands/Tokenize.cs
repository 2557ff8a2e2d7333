using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;
using Spectre.Console;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan tokenize MODEL</c>: a model's tokens of a text, and text from tokens.</summary>
sealed class Tokenize : Command
{
    const string About =
        "Turn text into a model's tokens, and back\n\nReads stdin, exactly as it is; with --decode the other way round. "
        + "MODEL is a GGUF file (its weights are not needed), a folder with tokenizer.json or vocab.json and merges.txt, or a tokenizer.json.\n\n"
        + "Examples:\n"
        + "  printf 'Hello world' | banyan tokenize model.gguf\n"
        + "  banyan tokenize model.gguf --json < file.txt              {\"ids\":[…]}\n"
        + "  echo '[9707, 1879]' | banyan tokenize model.gguf --decode";

    readonly Argument<string> _model = new("MODEL") { Description = "The model or tokenizer." };
    readonly Option<bool> _addSpecial = new("--add-special")
    {
        Description = "Add the tokens that the model expects around a text, such as BOS.",
    };
    readonly Option<bool> _noParse = new("--no-parse-special")
    {
        Description = "Read <|im_start|> and its like as the text they are, not as tokens.",
    };
    readonly Option<bool> _decode = new("--decode", "-d")
    {
        Description = "Read ids on stdin (a JSON list, {\"ids\":[…]}, or numbers with anything between) and print their text.",
    };
    readonly Option<bool> _skipSpecial = new("--skip-special") { Description = "With --decode: leave out tokens such as BOS." };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object: {\"ids\":[…]}, with --decode {\"text\":…}.");

    public Tokenize() : base("tokenize", About)
    {
        this.AddAll(_model, _addSpecial, _noParse, _decode, _skipSpecial, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var tokenizer = Tokenizer.Open(arguments.GetValue(_model)!);
        if (arguments.GetValue(_decode))
            Decode(tokenizer, await StandardStreams.ReadAllAsync("the ids", cancellationToken), arguments.GetValue(_skipSpecial),
                arguments.GetValue(_json));
        else
            Encode(tokenizer, await StandardStreams.ReadAllAsync("the text", cancellationToken), arguments.GetValue(_addSpecial),
                !arguments.GetValue(_noParse), arguments.GetValue(_json));
        return 0;
    }

    static void Encode(Tokenizer tokenizer, string text, bool addSpecial, bool parseSpecial, bool json)
    {
        var ids = tokenizer.Encode(text, addSpecial, parseSpecial);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { ids }));
            return;
        }

        var width = tokenizer.Count.ToString(CultureInfo.InvariantCulture).Length;
        foreach (var id in ids)
            AnsiConsole.MarkupLine(
                $"[grey]{id.ToString(CultureInfo.InvariantCulture).PadLeft(width)}[/]  [{(tokenizer.IsSpecial(id) ? "magenta" : "green")}]{Markup.Escape(Visible(tokenizer, id))}[/]");
        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"[bold]{ids.Length}[/] tokens for {Encoding.UTF8.GetByteCount(text)} bytes");
    }

    static void Decode(Tokenizer tokenizer, string input, bool skipSpecial, bool json)
    {
        var text = tokenizer.Decode(Ids(input), skipSpecial);
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new { text }));
        else
            Console.Out.Write(text);
    }

    /// <summary>A token's text with invisible characters escaped; bytes of an incomplete character in hex.</summary>
    static string Visible(Tokenizer tokenizer, int id)
    {
        var visible = new StringBuilder();
        var bytes = tokenizer.Bytes(id);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var length);
            if (status != OperationStatus.Done)
                visible.Append(CultureInfo.InvariantCulture, $"\\x{bytes[0]:X2}");
            else if (rune.Value is '\n' or '\r' or '\t')
                visible.Append(rune.Value switch { '\n' => "\\n", '\r' => "\\r", _ => "\\t" });
            else if (Rune.IsControl(rune))
                visible.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}");
            else
                visible.Append(rune.Value == ' ' ? "·" : rune.ToString());
            bytes = bytes[(status == OperationStatus.Done ? length : 1)..];
        }
        return visible.ToString();
    }

    /// <summary>Every number in the input: a JSON list, an object with one, or numbers on lines.</summary>
    static List<int> Ids(string input)
    {
        var ids = new List<int>();
        for (var at = 0; at < input.Length;)
        {
            var length = input.AsSpan(at).IndexOfAnyExceptInRange('0', '9') is var next and >= 0 ? next : input.Length - at;
            if (length == 0)
            {
                at++;
                continue;
            }
            if (!int.TryParse(input.AsSpan(at, length), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                throw new FormatException($"'{input.Substring(at, Math.Min(length, 40))}' is no id; ids are numbers up to {int.MaxValue}");
            ids.Add(id);
            at += length;
        }
        return ids;
    }
}
