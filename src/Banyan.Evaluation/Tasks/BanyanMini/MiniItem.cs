using Banyan.Evaluation.Python;

namespace Banyan.Evaluation.Tasks.BanyanMini;

/// <summary>
/// A problem of banyan-mini: a text file with sections that start with a line <c>=== name</c>: the prompt, a correct solution, several
/// wrong ones, and the inputs (Python, one list of arguments per line) or tests (C#, one expression per line that must be true).
/// </summary>
sealed record MiniItem(string Id, string Prompt, string Solution, IReadOnlyList<string> Wrong, IReadOnlyList<string> Checks)
{
    public bool IsPython => Id.StartsWith("python/", StringComparison.Ordinal);

    /// <summary>The requested function: the last part of the id, except for a twin.</summary>
    public string Entry { get; init; } = Id[(Id.LastIndexOf('/') + 1)..];

    /// <summary>The item that this is the twin of.</summary>
    public MiniItem? Original { get; init; }

    public IReadOnlyList<PythonValue> Inputs => [.. Checks.Select(c => PythonValue.Parse(c))];

    /// <summary>Every item, as it ships.</summary>
    public static IReadOnlyList<MiniItem> All { get; } =
        [.. typeof(MiniItem).Assembly.GetManifestResourceNames().Where(n => n.EndsWith(".item", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal).Reverse().GroupBy(n => n.Split('-')[0]).SelectMany(g => g.Reverse()).Select(Read)];

    static MiniItem Read(string resource)
    {
        using var reader = new StreamReader(typeof(MiniItem).Assembly.GetManifestResourceStream(resource)!);
        return Parse(resource, reader.ReadToEnd());
    }

    /// <summary>Reads an item. Its id is <c>language/name</c>; the file is called <c>language-number-name.item</c>.</summary>
    public static MiniItem Parse(string fileName, string text)
    {
        var sections = text.ReplaceLineEndings("\n").Split("=== ", StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('\n', 2))
            .Select(s => (Name: s[0].Trim(), Text: s[1])).ToList();
        string One(string name) => sections.Single(s => s.Name == name).Text;
        var parts = fileName[..^".item".Length].Split('-', 3);
        var checks = sections.Single(s => s.Name is "inputs" or "tests").Text;
        return new($"{parts[0]}/{parts[2]}", One("prompt"), One("solution"),
            [.. sections.Where(s => s.Name == "wrong").Select(s => s.Text)],
            checks.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
