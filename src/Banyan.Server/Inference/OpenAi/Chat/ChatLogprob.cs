using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference.OpenAi.Chat;

static class ChatLogprob
{
    /// <summary>What JSON and OpenAI use for a token without a chance.</summary>
    const float Impossible = -9999;

    public static ChatTokenLogprob Of(Tokenizer tokenizer, Generated generated) => new(
        tokenizer.Text(generated.Token!.Value), Finite(generated.LogProb), BytesOf(tokenizer, generated.Token.Value),
        [.. generated.TopLogProbs.Select(t => new ChatTopLogprob(tokenizer.Text(t.Token), Finite(t.LogProb),
            BytesOf(tokenizer, t.Token)))]);

    /// <summary>JSON has no infinity; and no minus before zero, please.</summary>
    public static float Finite(float logprob) => float.IsFinite(logprob) ? logprob + 0f : Impossible;

    public static int[] BytesOf(Tokenizer tokenizer, int token)
    {
        var bytes = tokenizer.Bytes(token);
        var numbers = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            numbers[i] = bytes[i];
        return numbers;
    }
}
