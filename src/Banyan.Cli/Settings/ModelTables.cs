using System.Globalization;
using Banyan.Runtime.Models;
using Banyan.Server.Inference;
using Banyan.Server.Inference.Models;

namespace Banyan.Cli.Settings;

/// <summary>The tables <c>[models.NAME]</c> of a settings file: settings of single models.</summary>
static class ModelTables
{
    public const string Prefix = "models.";

    /// <summary>A setting: its name, and how its values change what is set; null for values that are wrong.</summary>
    sealed record Row(string Name, string Expected, Func<ModelSettings, IReadOnlyList<string>, ModelSettings?> Set);

    static readonly Row[] s_rows =
    [
        new("aliases", "a list of names", (m, values) => m with { Aliases = values }),
        new("context", "a number of at least 2",
            (m, values) => Integer(values, 2, int.MaxValue) is { } tokens ? m with { ContextLength = tokens } : null),
        new("kv", "q8_0, f16 or f32",
            (m, values) => Single(values) switch { "q8_0" => m with { KvCache = KvFormat.Q8_0 }, "f16" => m with { KvCache = KvFormat.F16 },
                "f32" => m with { KvCache = KvFormat.F32 }, _ => null }),
        new("threads", "a number from 1 to 1024",
            (m, values) => Integer(values, 1, 1024) is { } threads ? m with { Threads = threads } : null),
        new("draft", "a model: a file or a folder", (m, values) => Single(values) is { } file
            && (File.Exists(file) || Directory.Exists(file)) ? m with { Draft = Path.GetFullPath(file) } : null),
        new("chat-template", "a Jinja file", (m, values) => Single(values) is { } file && File.Exists(file)
            ? m with { ChatTemplate = File.ReadAllText(file) } : null),
        new("keep-alive", "a duration like 10m, or -1 for always",
            (m, values) => Single(values) is { } text && KeepAlive.TryParse(text, out var span) ? m with { KeepAlive = span } : null),
        new("system", "a text", (m, values) => Single(values) is { } text ? m with { System = text } : null),
        new("stop", "a list of texts", (m, values) => values.Count is > 0 and <= 16 && values.All(v => v.Length > 0)
            ? m with { Stop = values } : null),
        new("temperature", "a number from 0 to 2",
            (m, values) => Number(values, 0, 2) is { } value ? m with { Temperature = value } : null),
        new("top-p", "a number from 0 to 1", (m, values) => Number(values, 1e-6f, 1) is { } value ? m with { TopP = value } : null),
        new("top-k", "a number of at least 0",
            (m, values) => Integer(values, 0, int.MaxValue) is { } value ? m with { TopK = value } : null),
        new("min-p", "a number from 0 to 1", (m, values) => Number(values, 0, 1) is { } value ? m with { MinP = value } : null),
        new("repetition-penalty", "a number from 0.01 to 10",
            (m, values) => Number(values, 0.01f, 10) is { } value ? m with { RepetitionPenalty = value } : null),
    ];

    /// <summary>A file's settings of models, by name; empty for null.</summary>
    /// <exception cref="CommandException">The file has errors; the message lists all of them.</exception>
    public static IReadOnlyDictionary<string, ModelSettings> Read(string? path)
    {
        var settings = new Dictionary<string, ModelSettings>(StringComparer.OrdinalIgnoreCase);
        if (path is null)
            return settings;
        var problems = new List<string>();
        foreach (var (name, entries) in SettingsFile.ReadTables(path, Prefix, problems))
            settings[name] = entries.Aggregate(ModelSettings.None, (model, entry) => Apply(model, entry, problems));
        var doubled = settings.SelectMany(s => s.Value.Aliases).GroupBy(a => a, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1)
            .Select(g => $"{path}: two models have the alias '{g.Key}'");
        problems.AddRange(doubled);
        return problems.Count == 0 ? settings : throw new CommandException(string.Join("; ", problems));
    }

    /// <summary>The lines of those tables, for display; they have been checked.</summary>
    /// <inheritdoc cref="Read"/>
    public static IEnumerable<(string Model, SettingsFile.Entry Entry)> Entries(string? path) =>
        Read(path).Count == 0 ? [] : SettingsFile.ReadTables(path!, Prefix, []).SelectMany(m => m.Value.Select(e => (m.Key, e)));

    static ModelSettings Apply(ModelSettings model, SettingsFile.Entry entry, List<string> problems)
    {
        if (Array.Find(s_rows, r => r.Name == entry.Name) is not { } row)
            problems.Add(
                $"{entry.Place}: there is no setting '{entry.Name}' of a model{ParseErrors.Suggestion(s_rows.Select(r => r.Name), entry.Name)}");
        else if (row.Set(model, entry.Values) is { } changed)
            return changed;
        else
            problems.Add($"{entry.Place}: {entry.Name} = {string.Join(", ", entry.Values)}: {row.Expected} is needed");
        return model;
    }

    static string? Single(IReadOnlyList<string> values) => values is [var only] ? only : null;

    static int? Integer(IReadOnlyList<string> values, int least, int most) =>
        int.TryParse(Single(values), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least
        && value <= most ? value : null;

    static float? Number(IReadOnlyList<string> values, float least, float most) =>
        float.TryParse(Single(values), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least
        && value <= most ? value : null;
}
