using Banyan.Runtime.WeightFormats;
using Banyan.Sprout.Tokens;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>Prints the table of the model card.</summary>
internal static class EvaluationReport
{
    /// <param name="model">Its matrices pass through <paramref name="format"/> first.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="dataFolder">Holds held_out.jsonl.</param>
    /// <param name="format">F32 for the trained weights; Q8_0 for what the GGUF file holds.</param>
    /// <param name="threads">Files scored at a time.</param>
    public static void Print(SproutModel model, BpeTokenizer tokenizer, string dataFolder, WeightFormat format, int threads)
    {
        RoundTrip(model, format);
        using var evaluations = new ThreadLocal<Evaluation>(
            () => new Evaluation(model, new BpeTokenizer(tokenizer.Vocabulary, tokenizer.Merges)), trackAllValues: true);
        Console.WriteLine("| set | language | files | bytes | tokens | side by side | sliding |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var set in Evaluation.ReadHeldOut(dataFolder).GroupBy(file => file.Set).OrderBy(g => g.Key == "files" ? 0 : 1).ThenBy(g => g.Key))
        {
            Score apart = new(0, 0, 0, 0), sliding = new(0, 0, 0, 0);
            foreach (var language in set.GroupBy(file => file.Language).OrderBy(g => g.Key))
            {
                var scores = language.AsParallel().WithDegreeOfParallelism(threads)
                    .Select(file => (Apart: evaluations.Value!.OfText(file.Text, stride: 1024), Sliding: evaluations.Value!.OfText(file.Text, stride: 512)))
                    .ToList();
                Score a = scores.Select(s => s.Apart).Aggregate((x, y) => x + y), b = scores.Select(s => s.Sliding).Aggregate((x, y) => x + y);
                PrintRow(set.Key, language.Key, a, b);
                (apart, sliding) = (apart + a, sliding + b);
            }

            if (set.Select(file => file.Language).Distinct().Count() > 1)
            {
                PrintRow(set.Key, "both", apart, sliding);
            }
        }

        foreach (var evaluation in evaluations.Values)
        {
            evaluation.Dispose();
        }
    }

    private static void PrintRow(string set, string language, Score apart, Score sliding) =>
        Console.WriteLine(FormattableString.Invariant($"| {set} | {language} | {apart.Files} | {apart.Bytes:N0} | {apart.Tokens:N0} | {apart.BitsPerByte:F3} | {sliding.BitsPerByte:F3} |"));

    private static void RoundTrip(SproutModel model, WeightFormat format)
    {
        using var noGradient = no_grad();
        foreach (var matrix in model.Parameters.Values.Where(parameter => parameter.dim() == 2))
        {
            float[] weights = matrix.detach().data<float>().ToArray();
            var blocks = new byte[format.ByteLength(weights.Length)];
            format.Quantize(weights, blocks);
            format.Dequantize(blocks, weights);
            using var restored = tensor(weights).view(matrix.shape);
            matrix.copy_(restored);
        }
    }
}
