using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Infill;

/// <summary>Fill-in-the-middle for models that were trained for it.</summary>
static class InfillPrompt
{
    public static int[] Build(LoadedModel model, string prefix, string suffix, IReadOnlyList<(string Name, string Text)> files) =>
        model.Tokenizer.Fim is null
            ? throw new ApiException(400, $"{model.Name} cannot fill in the middle: its vocabulary has no tokens for it. Leave 'suffix' out, or use a coder model.", "suffix", "fim_unsupported")
            : Fim.Prompt(model.Tokenizer, prefix, suffix, files);
}
