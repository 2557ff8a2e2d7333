using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation.Languages;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval tokenizer MODEL…</c>: what a language costs.</summary>
sealed class TokenizerCommand : Command
{
    const string About =
        "Count the tokens of the same sentences in many languages. A language that takes three times the tokens of English fills the context "
        + "three times as fast, is read and written in three times the time, and costs three times as much.\n\n"
        + "Examples:\n"
        + "  banyan eval tokenizer model.gguf\n"
        + "  banyan eval tokenizer qwen/ llama.gguf --svg languages.svg\n"
        + "  banyan eval tokenizer model.gguf --price 2.50 --json";

    readonly Argument<string[]> _models = new("MODEL")
    {
        Description = "A .gguf, a folder with tokenizer files, or a tokenizer.json; no weights are needed",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<string?> _svg = new("--svg") { Description = "Also draw a picture into this file" };
    readonly Option<double?> _price = new("--price")
    {
        Description = "Price of a million tokens: what a million tokens' worth of English text costs in each language",
    };
    readonly Option<bool> _json = CommandParts.Json();

    public TokenizerCommand() : base("tokenizer", About)
    {
        this.AddAll(_models, _svg, _price, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var measured = result.GetValue(_models)!.Select(path => (NameOf(path), LanguageCost.Measure(Counter(path)))).ToList();
        if (result.GetValue(_svg) is { } file)
            await File.WriteAllTextAsync(file, LanguageCostPicture.Draw(measured), cancellationToken);
        if (result.GetValue(_json))
            Console.WriteLine(LanguageCost.ToJson(measured));
        else if (measured is [var (_, costs)])
            PrintOne(costs, result.GetValue(_price));
        else
            PrintSeveral(measured);
        return 0;
    }

    static Func<string, int> Counter(string path)
    {
        try
        {
            var tokenizer = Tokenizer.Open(path);
            return text => tokenizer.Encode(text, addSpecial: false, parseSpecial: false).Length;
        }
        catch (ModelFileException e)
        {
            throw new CommandException(e.Message);
        }
    }

    /// <summary>A file's name without its extension, or a folder's name.</summary>
    static string NameOf(string path)
    {
        var whole = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.GetFileName(whole) is "tokenizer.json" ? Path.GetFileName(Path.GetDirectoryName(whole)!)
            : File.Exists(whole) ? Path.GetFileNameWithoutExtension(whole) : Path.GetFileName(whole);
    }

    static void PrintOne(IReadOnlyList<LanguageCost> costs, double? price)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("language", "tokens", "× English", "95 %", "context", "chars/token");
        if (price is not null)
            table.AddColumn("price");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned().NoWrap();
        table.Columns[0].NoWrap();
        foreach (var cost in costs.OrderBy(c => c.Ratio))
        {
            string[] row = [$"{cost.Language.Name} ({cost.Language.Code})", $"{cost.Tokens}", Number(cost.Ratio),
                $"{Number(cost.Interval.Low)} … {Number(cost.Interval.High)}",
                (100 / cost.Ratio).ToString("F0", CultureInfo.InvariantCulture) + " %", Number(cost.CharactersPerToken)];
            table.AddRow(price is { } p ? [.. row, (p * cost.Ratio).ToString("F2", CultureInfo.InvariantCulture)] : row);
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            "× English: so many times the context, time and money for the same text. Context: the share of an English text that fits into it.");
    }

    static void PrintSeveral(IReadOnlyList<(string Model, IReadOnlyList<LanguageCost> Costs)> models)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("× English").NoWrap());
        foreach (var (model, _) in models)
            table.AddColumn(new TableColumn(model.EscapeMarkup()).RightAligned());
        foreach (var (index, cost) in models[0].Costs.Index().OrderBy(c => c.Item.Ratio))
            table.AddRow([$"{cost.Language.Name} ({cost.Language.Code})", .. models.Select(m => Number(m.Costs[index].Ratio))]);
        table.AddRow(["tokens of English", .. models.Select(m => $"{m.Costs[0].Tokens}")]);
        AnsiConsole.Write(table);
    }

    static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
