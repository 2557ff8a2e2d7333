using Banyan.Evaluation.Models;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// The prompt forms, the same for all models: a message for a chat model; the gap for one that fills in; the bare code for one that
/// continues text; a page with an open code fence if the bare code would not state the task.
/// </summary>
public static class PromptLadder
{
    /// <summary>The names of the forms; <see cref="VendorPrompts"/> adds the vendors' own.</summary>
    public const string Completion = "completion", Fenced = "fenced", Infill = "infill", Chat = "chat", Vendor = "vendor";

    /// <summary>Every form.</summary>
    public static IReadOnlyList<string> Forms { get; } = [Completion, Fenced, Infill, Chat, Vendor];

    const string Gap = "<GAP>";

    /// <summary>
    /// No solution has these at the start of a line, so a model may stop there. The answer itself is extracted by parsing.
    /// </summary>
    static readonly string[] s_pythonEnds = ["\nassert ", "\nprint(", "\nif __name__"];

    /// <summary>
    /// The form for a question to a model that supports these kinds of prompts; a base model gets a message only if there is no other.
    /// </summary>
    public static string Choose(Asked asked, IReadOnlySet<PromptKind> kinds, bool isBase = false) =>
        asked == Asked.Gap && kinds.Contains(PromptKind.Infill) ? Infill
        : kinds.Contains(PromptKind.Chat) && !(isBase && kinds.Contains(PromptKind.Completion)) ? Chat
        : asked is Asked.Gap or Asked.File ? Fenced
        : Completion;

    /// <summary>Whether a model that supports these kinds of prompts can be shown this form.</summary>
    public static bool Takes(string form, Asked asked, IReadOnlySet<PromptKind> kinds) => form switch
    {
        Completion => asked is not (Asked.Gap or Asked.File) && kinds.Contains(PromptKind.Completion),
        Fenced => kinds.Contains(PromptKind.Completion),
        Infill => asked == Asked.Gap && kinds.Contains(PromptKind.Infill),
        _ => kinds.Contains(PromptKind.Chat),
    };

    /// <summary>An item in one of the forms.</summary>
    public static ModelPrompt Write(ItemPrompt item, string form) => form switch
    {
        Completion =>
            new(PromptKind.Completion, item.Code)
            {
                Stop = item.Asked == Asked.Expression ? ["\n"]
                : item.Language == "python" ? s_pythonEnds : []
            },
        Infill => new(PromptKind.Infill, item.Code) { Suffix = item.Suffix },
        Fenced => new(PromptKind.Completion, $"## Task\n\n{Statement(item)}\n\n## Answer\n\n```{item.Language}\n") { Stop = ["\n```"] },
        Chat => new(PromptKind.Chat, Statement(item)),
        _ => throw new EvaluationException($"there is no form '{form}' of prompts; there are {string.Join(", ", Forms)}"),
    };

    static string Statement(ItemPrompt item) => item.Asked switch
    {
        Asked.Gap =>
            $"In the following {item.Title} code, a piece is missing where {Gap} stands. Write exactly what belongs there{(item.OneLine ? ", which is one line" : "")}, indented as it must be. Answer with that piece alone in one fenced code block.\n\n{Fence(item, item.Code + Gap + item.Suffix)}",
        Asked.File =>
            $"{item.Instruction}\n\nThis is how the {item.Title} file begins; its names are what the tests use:\n\n{Fence(item, item.Code.Trim('\n'))}\n\nAnswer with the whole file in one fenced code block. Leave out tests and examples of its use.",
        Asked.Expression =>
            $"{item.Instruction}\n\n{Fence(item, item.Code)}\n\nAnswer with one {item.Title} expression alone in one fenced code block.",
        _ when item.Instruction is { } instruction =>
            $"{instruction}\n\nAnswer with the whole {item.Title} program, imports included, in one fenced code block. Leave out tests and examples of its use.",
        _ => $"Complete the following {item.Title} code. Answer with the whole program, imports included, in one fenced code block. Leave out tests and examples of its use.\n\n{Fence(item, item.Code.Trim('\n'))}",
    };

    static string Fence(ItemPrompt item, string code) => $"```{item.Language}\n{code}{(code.EndsWith('\n') ? "" : "\n")}```";
}
