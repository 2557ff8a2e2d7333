using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference;

static class GeneratedTokens
{
    /// <summary>The token of a piece, if it is part of the answer: an end token is not, neither in the text nor in
    /// log-probabilities.</summary>
    public static int? AnswerToken(this Generated generated, Tokenizer tokenizer) =>
        generated is { Token: { } token } && !(generated.Finish == FinishReason.Stop && tokenizer.IsSpecial(token)) ? token : null;
}
