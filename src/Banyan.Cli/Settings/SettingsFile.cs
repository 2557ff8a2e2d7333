using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Banyan.Cli.Settings;

/// <summary>A TOML file of settings: <c>name = value</c>, where a value is text, a number, true or false, or a list of texts; and tables:
/// <c>[models.NAME]</c> for each model with settings of its own, <c>[sign-in.NAME]</c> for each provider for signing in.</summary>
static class SettingsFile
{
    const int LargestFile = 1 << 20;

    static readonly string[] s_tables = [ModelTables.Prefix, SignInTables.Prefix];

    /// <summary>A setting in the file.</summary>
    /// <param name="Values">The value as on a command line; several for a list.</param>
    /// <param name="Place">File and line.</param>
    public sealed record Entry(string Name, IReadOnlyList<string> Values, string Place);

    /// <summary>Reads a file; its errors are added to <paramref name="problems"/>, all of it.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to read it.</exception>
    public static IReadOnlyList<Entry> Read(string path, List<string> problems)
    {
        if (Parse(path, problems) is not { } document)
            return [];
        problems.AddRange(document.Tables.Where(t => s_tables.All(p => NameOf(t, p) is null))
            .Select(t =>
                $"{path}:{t.Span.Start.Line + 1}: settings stand in no table but those of models ([models.NAME]) and of sign-in ([sign-in.NAME]): leave out {Head(t)}"));
        return Entries(path, document.KeyValues, problems);
    }

    /// <summary>Reads the tables whose names start with the prefix, by the rest of the name.</summary>
    /// <inheritdoc cref="Read"/>
    public static IReadOnlyDictionary<string, IReadOnlyList<Entry>> ReadTables(string path, string prefix, List<string> problems)
    {
        var tables = new Dictionary<string, IReadOnlyList<Entry>>();
        foreach (var table in Parse(path, problems)?.Tables.OfType<TableSyntaxBase>() ?? [])
            if (NameOf(table, prefix) is { } name)
                tables[name] = Entries(path, table.Items, problems);
        return tables;
    }

    static DocumentSyntax? Parse(string path, List<string> problems)
    {
        if (new FileInfo(path).Length > LargestFile)
        {
            problems.Add($"{path} is larger than a file of settings can be ({LargestFile >> 20} MiB)");
            return null;
        }
        var document = SyntaxParser.Parse(File.ReadAllText(path), path, validate: true);
        if (document.HasErrors)
        {
            problems.AddRange(document.Diagnostics.Where(d => d.Kind == DiagnosticMessageKind.Error)
                .Select(d => $"{path}:{d.Span.Start.Line + 1}: {d.Message}"));
            return null;
        }
        return document;
    }

    // [models.NAME], where a name with dots need not be quoted.
    static string? NameOf(TableSyntaxBase table, string prefix) =>
        table is TableSyntax && table.Name?.ToString()?.Trim() is { } name && name.StartsWith(prefix, StringComparison.Ordinal)
        ? name[prefix.Length..].Trim().Trim('"', '\'') : null;

    static string Head(TableSyntaxBase table) => table.ToString()!.Trim().Split('\n')[0];

    static List<Entry> Entries(string path, IEnumerable<KeyValueSyntax> lines, List<string> problems)
    {
        var entries = new List<Entry>();
        foreach (var line in lines)
        {
            var place = $"{path}:{line.Span.Start.Line + 1}";
            var name = line.Key!.ToString()!.Trim().Trim('"');
            if (Values(line.Value!) is { } values)
                entries.Add(new(name, values, place));
            else
                problems.Add($"{place}: {name} must be text, a number, true or false, or a list of texts");
        }
        return entries;
    }

    static IReadOnlyList<string>? Values(ValueSyntax value) => value switch
    {
        StringValueSyntax text => [text.Value ?? ""],
        IntegerValueSyntax integer => [integer.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)],
        FloatValueSyntax or BooleanValueSyntax => [value.ToString()!.Trim()],
        ArraySyntax list => list.Items.Select(i => Values(i.Value!)).ToList() is var all && all.All(v => v is [_])
            ? [.. all.Select(v => v![0])] : null,
        _ => null,
    };
}
