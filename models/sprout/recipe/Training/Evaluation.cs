using System.Text;
using System.Text.Json;
using Banyan.Sprout.Data;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Training;

/// <summary>What a set of files cost: −log₂ p of every token, over their bytes.</summary>
internal sealed record Score(double Bits, long Tokens, long Bytes, int Files)
{
    public double BitsPerByte => Bits / Bytes;

    public static Score operator +(Score a, Score b) => new(a.Bits + b.Bits, a.Tokens + b.Tokens, a.Bytes + b.Bytes, a.Files + b.Files);
}

/// <summary>Bits a byte on whole held-out files, each behind one end-of-text token.</summary>
internal sealed class Evaluation(SproutModel model, BpeTokenizer tokenizer) : IDisposable
{
    private readonly SequenceGradient _model = new(model.Replica());

    public static List<HeldOutFile> ReadHeldOut(string folder) =>
        [.. File.ReadLines(Path.Combine(folder, "held_out.jsonl")).Select(line => JsonSerializer.Deserialize<HeldOutFile>(line)!)];

    /// <summary>
    /// Every token of the file is scored once. Windows hold <paramref name="context"/> inputs; after the first, each moves on by
    /// <paramref name="stride"/> and scores its last <paramref name="stride"/> targets (stride = context: windows side by side, no shared context).
    /// </summary>
    public Score OfText(string text, int context = 1024, int stride = 512)
    {
        List<ushort> tokens = [tokenizer.IdOf(SpecialTokens.EndOfText), .. tokenizer.Encode(text)];
        double nats = 0;
        int scored = 0; // targets tokens[1..scored] are done
        while (scored < tokens.Count - 1)
        {
            int end = scored == 0 ? Math.Min(context, tokens.Count - 1) : Math.Min(scored + stride, tokens.Count - 1); // last target
            int start = Math.Max(0, end - context);
            nats += _model.Loss(tokens.Slice(start, end - start + 1).ToArray(), end - scored);
            scored = end;
        }

        return new Score(nats / Math.Log(2), tokens.Count - 1, Encoding.UTF8.GetByteCount(text), 1);
    }

    public Score OfFiles(IEnumerable<HeldOutFile> files, int context = 1024, int stride = 512) =>
        files.Aggregate(new Score(0, 0, 0, 0), (sum, file) => sum + OfText(file.Text, context, stride));

    public void Dispose() => _model.Dispose();
}
