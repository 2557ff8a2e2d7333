using Banyan.Sprout.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>Text from the model, and its next-token probabilities: to look at, and to compare other runtimes with.</summary>
internal sealed class Sampler(SproutModel model, BpeTokenizer tokenizer)
{
    /// <summary>Continues <paramref name="prompt"/> until end of text; temperature 0 takes the likeliest token.</summary>
    public string Continue(IEnumerable<ushort> prompt, int newTokens, double temperature, int seed)
    {
        var ids = prompt.Select(id => (int)id).ToList();
        int promptTokens = ids.Count;
        var random = new Random(seed);
        int end = tokenizer.IdOf(SpecialTokens.EndOfText);
        while (ids.Count < promptTokens + newTokens)
        {
            float[] logProbabilities = Next(ids.TakeLast(model.Shape.ContextLength));
            int next = temperature == 0 ? Array.IndexOf(logProbabilities, logProbabilities.Max()) : Draw(logProbabilities, temperature, random);
            if (next == end)
            {
                break;
            }

            ids.Add(next);
        }

        return tokenizer.Decode(ids.Skip(promptTokens));
    }

    /// <summary>The middle between <paramref name="prefix"/> and <paramref name="suffix"/>.</summary>
    public string Fill(string prefix, string suffix, int newTokens, double temperature, int seed) =>
        Continue(
            [
                tokenizer.IdOf(SpecialTokens.FimPrefix), .. tokenizer.Encode(prefix), tokenizer.IdOf(SpecialTokens.FimSuffix),
                .. tokenizer.Encode(suffix), tokenizer.IdOf(SpecialTokens.FimMiddle),
            ],
            newTokens, temperature, seed);

    /// <summary>Natural log-probabilities [vocabulary] of the token after <paramref name="ids"/>.</summary>
    public float[] Next(IEnumerable<int> ids)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var logits = model.Forward(tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0))[0][-1];
        return nn.functional.log_softmax(logits, 0).data<float>().ToArray();
    }

    private static int Draw(float[] logProbabilities, double temperature, Random random)
    {
        double[] weights = [.. logProbabilities.Select(l => Math.Exp(l / temperature))];
        double left = random.NextDouble() * weights.Sum();
        int id = 0;
        while (id < weights.Length - 1 && (left -= weights[id]) > 0)
        {
            id++;
        }

        return id;
    }
}
