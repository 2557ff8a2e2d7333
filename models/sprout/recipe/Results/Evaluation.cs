using System.Text;
using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Sprout.Data;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Results;

/// <summary>What a set of files cost: −log₂ p of every token, over their bytes.</summary>
internal sealed record Score(double Bits, long Tokens, long Bytes, int Files)
{
    public double BitsPerByte => Bits / Bytes;

    public static Score operator +(Score a, Score b) => new(a.Bits + b.Bits, a.Tokens + b.Tokens, a.Bytes + b.Bytes, a.Files + b.Files);
}

/// <summary>Bits a byte on whole held-out files, each behind one end-of-text token: the table of the model card.</summary>
internal sealed class Evaluation(Model model)
{
    /// <summary>Tokens of a window, the last of which is only a target.</summary>
    private const int Window = 1024;

    private readonly int _end = model.Tokenizer.Encode(SpecialTokens.EndOfText, addSpecial: false, parseSpecial: true).Single();

    /// <param name="heldOutPath">held_out.jsonl.</param>
    public void Print(string heldOutPath)
    {
        Console.WriteLine("| set | language | files | bytes | tokens | side by side | sliding |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        var files = File.ReadLines(heldOutPath).Select(line => JsonSerializer.Deserialize<HeldOutFile>(line)!);
        foreach (var set in files.GroupBy(file => file.Set).OrderBy(g => g.Key == "files" ? 0 : 1).ThenBy(g => g.Key))
        {
            Score apart = new(0, 0, 0, 0), sliding = apart;
            var languages = set.GroupBy(file => file.Language).OrderBy(g => g.Key).ToList();
            foreach (var language in languages)
            {
                Score a = OfFiles(language, Window - 1), b = OfFiles(language, Window / 2);
                PrintRow(set.Key, language.Key, a, b);
                (apart, sliding) = (apart + a, sliding + b);
            }

            if (languages.Count > 1)
            {
                PrintRow(set.Key, "both", apart, sliding);
            }
        }
    }

    private Score OfFiles(IEnumerable<HeldOutFile> files, int stride) =>
        files.Aggregate(new Score(0, 0, 0, 0), (sum, file) => sum + OfText(file.Text, stride));

    /// <summary>
    /// Every token of the file is scored once. Windows hold <see cref="Window"/> tokens; after the first, each moves on by
    /// <paramref name="stride"/> and scores its last <paramref name="stride"/> targets (stride = window − 1: windows side by side, no shared context).
    /// </summary>
    private Score OfText(string text, int stride)
    {
        int[] tokens = [_end, .. model.Tokenizer.Encode(text, addSpecial: false, parseSpecial: false)];
        double nats = 0;
        int scored = 0; // targets tokens[1..scored] are done
        while (scored < tokens.Length - 1)
        {
            int end = Math.Min(scored == 0 ? Window - 1 : scored + stride, tokens.Length - 1); // the last target
            int start = Math.Max(0, end - Window + 1);
            nats -= PromptScorer.Score(model, tokens[start..(end + 1)]).TakeLast(end - scored).Sum(token => token.LogProb!.Value);
            scored = end;
        }

        return new Score(nats / Math.Log(2), tokens.Length - 1, Encoding.UTF8.GetByteCount(text), 1);
    }

    private static void PrintRow(string set, string language, Score apart, Score sliding) =>
        Console.WriteLine(FormattableString.Invariant($"| {set} | {language} | {apart.Files} | {apart.Bytes:N0} | {apart.Tokens:N0} | {apart.BitsPerByte:F3} | {sliding.BitsPerByte:F3} |"));
}
