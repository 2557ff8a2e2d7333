using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference;

static class GeneratedTokens
{
    /// <summary>
    /// The token of a piece where it is part of the answer: the one that ends a text is not, neither in text nor in log-probabilities.
    /// </summary>
    public static int? AnswerToken(this Generated generated, Tokenizer tokenizer) =>
        generated is { Token: { } token } && !(generated.Finish == FinishReason.Stop && tokenizer.IsSpecial(token)) ? token : null;
}
