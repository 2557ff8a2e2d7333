namespace Banyan.Runtime.Prompts;

/// <summary>How a family of models writes its reasoning before the answer.</summary>
/// <param name="Open">What it begins with.</param>
/// <param name="Close">What it ends with.</param>
/// <param name="BeforeText">What is written before the text that follows; not part of it.</param>
internal sealed record Thinking(string Open, string Close, string BeforeText = "")
{
    static readonly (string Mark, Thinking Format)[] s_formats =
    [
        ("<|channel|>analysis", new("<|channel|>analysis<|message|>", "<|end|>", "<|start|>assistant<|channel|>final<|message|>")),
        ("[THINK]", new("[THINK]", "[/THINK]")),
        ("<|channel>thought", new("<|channel>thought\n", "<channel|>")),
        ("<seed:think>", new("<seed:think>", "</seed:think>")),
        ("</think>", new("<think>", "</think>")),
    ];

    /// <summary>Texts that can be control tokens.</summary>
    public IReadOnlyList<string> Marks => Open.Contains("<|channel|>", StringComparison.Ordinal)
        ? ["<|channel|>", "<|message|>", "<|start|>", "<|end|>"] : [Open.Trim(), Close.Trim()];

    /// <summary>Texts that are part of no answer.</summary>
    public IReadOnlyList<string> Dropped => BeforeText.Length == 0 ? []
        : ["<|start|>assistant", "<|channel|>final<|message|>", "<|channel|>final <|constrain|>json<|message|>",
            "<|channel|>commentary<|message|>"];

    /// <summary>The format of a template; null if it has none.</summary>
    public static Thinking? Of(string template) => s_formats.FirstOrDefault(f => template.Contains(f.Mark, StringComparison.Ordinal)
        || (f.Mark == "<|channel|>analysis" && template.Contains("<|channel|>", StringComparison.Ordinal)
            && template.Contains("analysis", StringComparison.Ordinal))).Format;
}
