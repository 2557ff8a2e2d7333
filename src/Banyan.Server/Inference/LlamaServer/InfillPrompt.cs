using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>Fill-in-the-middle for models that were trained for it.</summary>
static class InfillPrompt
{
    /// <param name="model">The model.</param>
    /// <param name="prefix">Text before the gap.</param>
    /// <param name="suffix">Text after it.</param>
    /// <param name="maxTokens">What does not fit is left out: other files, then the text furthest from the gap.</param>
    /// <param name="repository">Other files to show.</param>
    /// <exception cref="ApiException">The model cannot.</exception>
    public static int[] Build(LoadedModel model, string prefix, string suffix, int maxTokens = int.MaxValue, FimRepository? repository = null) =>
        model.Tokenizer.Fim is null
            ? throw new ApiException(400, $"{model.Name} cannot fill in the middle: its vocabulary has no tokens for it. Leave the text after the gap out, or use a coder model.", "suffix", "fim_unsupported")
            : Fim.Prompt(model.Tokenizer, prefix, suffix, maxTokens, repository);

    /// <summary>As <see cref="Build"/>, of a whole text: one that the context does not hold is refused instead of cut.</summary>
    public static int[] BuildWhole(LoadedModel model, string prefix, string suffix) =>
        Build(model, prefix, suffix, model.ContextLength) is var prompt && prompt.Length < model.ContextLength ? prompt : throw PromptTokens.TooLong(model, "prompt");

    /// <summary>The options with the tokens that end what stands in the gap.</summary>
    public static GenerationOptions EndingAtGap(this GenerationOptions options, LoadedModel model) =>
        options with { StopTokens = Fim.StopTokens(model.Tokenizer) };
}
