using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference.Requests;

static class PromptTokens
{
    /// <summary>A model must start from something: an empty prompt becomes the token that begins or ends a text.</summary>
    public static int[] OrStart(this int[] prompt, Tokenizer tokenizer) =>
        prompt.Length > 0 ? prompt
        : (tokenizer.Bos ?? tokenizer.Eos) is { } start ? [start]
        : throw ApiException.Invalid("prompt", "The prompt is empty, and this model has no token that begins a text.");
}
