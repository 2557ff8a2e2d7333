using Banyan.Evaluation.Models;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// The prompts that vendors publish scores with, word for word, for a second column beside the ladder's: they show what a vendor's number
/// means, not which model is better. A vendor is a row.
/// </summary>
public static class VendorPrompts
{
    static readonly (string Vendor, Func<ItemPrompt, ModelPrompt?> Write)[] s_vendors = [("qwen", Qwen)];

    /// <summary>The vendors whose prompts are known.</summary>
    public static IReadOnlyList<string> Vendors => [.. s_vendors.Select(v => v.Vendor)];

    /// <summary>An item in the form of the model's vendor; throws <see cref="EvaluationException"/> if that is unknown.</summary>
    public static ModelPrompt Write(ItemPrompt item, string model)
    {
        var (vendor, write) = s_vendors.FirstOrDefault(v => model.Contains(v.Vendor, StringComparison.OrdinalIgnoreCase));
        if (vendor is null)
            throw new EvaluationException($"no vendor's prompt is known for '{model}'; known are those of {string.Join(", ", Vendors)}");
        return write(item) ?? throw new EvaluationException($"{vendor}'s prompts have no form for this task ({item.Title}, {item.Asked})");
    }

    /// <summary>
    /// Qwen2.5-Coder's instruct evaluation (QwenLM/Qwen2.5-Coder, d5ead97): eval_plus/model.py for Python, multipl_e/chat/convert_data.py
    /// for the rest.
    /// </summary>
    static ModelPrompt? Qwen(ItemPrompt item) => item.Asked != Asked.Program ? null
        : item.Language == "python"
            ? new(PromptKind.Chat, $"Can you complete the following Python function?\n```python\n{item.Code.Trim()}\n```\n")
            {
                System = "You are an intelligent programming assistant to produce Python algorithmic solutions",
                Prefill = "```python\n",
                Stop = ["\n```"],
            }
            : new(PromptKind.Chat,
                $"Please continue to complete the function and return all completed code in a codeblock. Here is the given code to do completion:\n```{item.Language}\n{item.Code.Trim()}\n```");
}
