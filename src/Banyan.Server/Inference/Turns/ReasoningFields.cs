using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Turns;

/// <summary>The reasoning limit: OpenAI's API has only effort levels, so the number of tokens is read under the names of other
/// APIs.</summary>
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
