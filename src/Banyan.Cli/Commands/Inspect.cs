using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Banyan.Runtime.Files;
using Spectre.Console;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan inspect MODEL</c>: what a model file is, contains and needs.</summary>
sealed class Inspect : Command
{
    const string About =
        "Show what a model file is, and the memory it will need here\n\nArchitecture, sizes, tensors, tokenizer, chat template. Reads GGUF (any part of a split set), safetensors and folders of them.\n\n"
        + "Examples:\n"
        + "  banyan inspect model.gguf\n"
        + "  banyan inspect ./Qwen2.5-Coder-0.5B --context 32768\n"
        + "  banyan inspect model.gguf --template\n"
        + "  banyan inspect model.gguf --tensors --json";

    const int MostUnknownKeys = 40;

    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // metadata may hold NaN
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    readonly Argument<string> _model = new("MODEL") { Description = "A .gguf or .safetensors file, or a folder with one." };
    readonly Option<bool> _tensors = new("--tensors") { Description = "List every tensor instead of one line for all layers." };
    readonly Option<bool> _template = new("--template") { Description = "Print the chat template and nothing else." };
    readonly Option<int?> _context = new("--context", "-c")
    {
        Description = "Tokens of context to reckon memory for (the model's own, at most 8192).",
        HelpName = "N",
    };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object instead of text.");

    public Inspect() : base("inspect", About)
    {
        _context.Between(2, int.MaxValue);
        this.AddAll(_model, _tensors, _template, _context, _json);
        SetAction(Execute);
    }

    int Execute(ParseResult arguments)
    {
        using var file = ModelFile.Open(arguments.GetValue(_model)!);
        var report = ModelReport.Of(file, arguments.GetValue(_context), arguments.GetValue(_tensors));
        if (arguments.GetValue(_template))
            return PrintTemplate(report);
        if (arguments.GetValue(_json))
            Console.WriteLine(JsonSerializer.Serialize(report, s_json));
        else
            Print(report);
        return 0;
    }

    static int PrintTemplate(ModelReport report)
    {
        if (report.Template is null)
        {
            Console.Error.WriteLine($"inspect: {report.Path} has no chat template");
            return 1;
        }
        Console.Write(report.Template);
        return 0;
    }

    static void Print(ModelReport report)
    {
        var memory = report.Memory;
        var words = report.Tokenizer;
        Section("Model",
        [
            ("name", report.Name ?? "(none)"),
            ("file", report.Path + (report.Files > 1 ? $" and {report.Files - 1} more" : "")),
            ("kind", $"{report.Kind}, {Sizes.Bytes(report.Bytes)}"),
            ("architecture", report.Architecture),
            ("parameters", $"{Sizes.Count(report.Parameters)} in {report.BitsPerWeight.ToString(CultureInfo.InvariantCulture)} bits each"),
        ]);
        Section("Hyper-parameters", report.Hyperparameters.Select(p => (p.Key, Text(p.Value))));
        Section("Other metadata", report.Other.Select(p => (p.Key, Text(p.Value))));
        if (report.RefusedKeys.Count > 0)
            Section("Not implemented: this model does not run here", report.RefusedKeys.Select(key => ("because", key)));
        if (report.UnknownKeys.Count > 0)
            Section("Keys that are not known here and not read",
                [("keys", string.Join(", ", report.UnknownKeys.Take(MostUnknownKeys))
                    + (report.UnknownKeys.Count > MostUnknownKeys ? $" and {report.UnknownKeys.Count - MostUnknownKeys} more" : ""))]);
        Section("Tokenizer",
        [
            ("kind", words.Model is null ? "not in this file"
                : $"{words.Model}{(words.Pretokenizer is null ? "" : $", {words.Pretokenizer}")}"),
            ("tokens", words.Tokens is null ? "not in this file" : $"{words.Tokens}, {words.Merges ?? 0} merges"),
            ("begin, end",
                $"{words.Bos?.ToString(CultureInfo.InvariantCulture) ?? "none"}, {words.Eos?.ToString(CultureInfo.InvariantCulture) ?? "none"}"),
            ("chat template", report.Template is null ? "no" : $"yes, {report.Template.Length} characters (--template prints it)"),
        ]);
        Tensors(report.Tensors);
        Section("Memory here",
        [
            ("weights", Sizes.Bytes(memory.Weights)),
            ("KV cache", $"{Sizes.Bytes(memory.KvCache)} for {memory.Context} tokens"),
            ("all else", $"up to {Sizes.Bytes(memory.Overhead)} for activations, packing and the program (banyan bench measures it)"),
            ("together",
                $"up to {Sizes.Bytes(memory.Total)}: {memory.Verdict} ({Sizes.Bytes(memory.Free)} free of {Sizes.Bytes(memory.Machine)})"),
        ]);
    }

    static string Text(object value)
    {
        var text = Convert.ToString(value, CultureInfo.InvariantCulture)!.ReplaceLineEndings(" ");
        return text.Length > 100 ? text[..100] + "…" : text;
    }

    // On a terminal colours and columns; piped, plain lines that grep and cut understand.
    static void Section(string title, IEnumerable<(string Key, string Value)> rows)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"# {title}");
            foreach (var (key, value) in rows)
                Console.WriteLine($"{key}: {Printable(value)}");
            return;
        }
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var (key, value) in rows)
            grid.AddRow($"[grey]{Markup.Escape(Printable(key))}[/]", Markup.Escape(Printable(value)));
        AnsiConsole.Write(new Rule($"[green]{title}[/]").LeftJustified());
        AnsiConsole.Write(grid);
    }

    static void Tensors(IReadOnlyList<ModelReport.Group> groups)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine("# Tensors: count, name, shape, format, bytes");
            foreach (var group in groups)
                Console.WriteLine(
                    $"{group.Count}\t{Printable(group.Name)}\t{string.Join('x', group.Shape)}\t{group.Format}\t{group.Bytes}");
            return;
        }
        var table = new Table().Border(TableBorder.Simple)
            .AddColumns(new TableColumn("count").RightAligned(), new TableColumn("name"), new TableColumn("shape"),
                new TableColumn("format"), new TableColumn("size").RightAligned());
        foreach (var group in groups)
            table.AddRow(group.Count.ToString(CultureInfo.InvariantCulture), Markup.Escape(Printable(group.Name)),
                string.Join(" × ", group.Shape), group.Format, Sizes.Bytes(group.Bytes));
        AnsiConsole.Write(new Rule("[green]Tensors[/]").LeftJustified());
        AnsiConsole.Write(table);
    }

    /// <summary>Without control characters: a file's text must not drive the terminal.</summary>
    static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '�' : c));
}
