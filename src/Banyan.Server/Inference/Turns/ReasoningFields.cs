using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Turns;

/// <summary>
/// How long a model may reason: OpenAI's API has words for it alone, so the number comes under the names that others gave it.
/// </summary>
static class ReasoningFields
{
    /// <summary>The most tokens; null for any number, which is also what -1 says.</summary>
    public static int? ReadLimit(Fields fields)
    {
        int? limit = null;
        // llama-server's, vLLM's, and OpenRouter's names.
        foreach (var name in (ReadOnlySpan<string>)["thinking_budget_tokens", "reasoning_budget", "thinking_token_budget"])
            limit ??= fields.Integer(name, -1, int.MaxValue);
        limit ??= fields.Object("reasoning")?.Integer("max_tokens", -1, int.MaxValue);
        return limit < 0 ? null : limit;
    }
}
