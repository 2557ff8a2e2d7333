using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Data;

/// <summary>
/// Cuts a file into excerpts and each excerpt into prefix, middle and suffix, written in the order the model is asked:
/// <c>&lt;|fim_prefix|&gt;pre&lt;|fim_suffix|&gt;suf&lt;|fim_middle|&gt;mid&lt;|endoftext|&gt;</c> (Bavarian et al. 2022, arXiv 2207.14255; Qwen2.5-Coder's tokens).
/// </summary>
internal sealed class FillInTheMiddle(Random random)
{
    private const double SmallestExcerpt = 300, LargestExcerpt = 2800; // characters

    public IEnumerable<string> Samples(string text)
    {
        int at = 0;
        while (at < text.Length)
        {
            int length = (int)(SmallestExcerpt * Math.Pow(LargestExcerpt / SmallestExcerpt, random.NextDouble()));
            int end = at + length >= text.Length - 100 ? text.Length : text.IndexOf('\n', at + length) + 1;
            string excerpt = text[at..(end <= at ? text.Length : end)];
            at += excerpt.Length;
            var (from, to) = ChooseMiddle(excerpt);
            yield return $"{SpecialTokens.FimPrefix}{excerpt[..from]}{SpecialTokens.FimSuffix}{excerpt[to..]}{SpecialTokens.FimMiddle}{excerpt[from..to]}{SpecialTokens.EndOfText}";
        }
    }

    /// <summary>Where a person's cursor would stand: the rest of a line (40 %), whole lines (35 %), any span (25 %).</summary>
    private (int From, int To) ChooseMiddle(string excerpt)
    {
        double kind = random.NextDouble();
        if (kind < 0.25)
        {
            int from = random.Next(excerpt.Length);
            return OnCharacters(excerpt, from, Math.Min(excerpt.Length, from + 1 + random.Next(1 + (excerpt.Length * 2 / 5))));
        }

        int lineStart = excerpt.LastIndexOf('\n', random.Next(excerpt.Length - 1)) + 1;
        int lineEnd = EndOfLine(excerpt, lineStart);
        int indented = lineStart;
        while (indented < lineEnd && char.IsWhiteSpace(excerpt[indented]))
        {
            indented++;
        }

        if (kind < 0.65)
        {
            int from = random.Next(2) == 0 ? indented : random.Next(indented, lineEnd + 1);
            int to = random.NextDouble() < 0.75 ? lineEnd : random.Next(from, lineEnd + 1);
            return OnCharacters(excerpt, from, to);
        }

        int last = lineEnd;
        for (int lines = random.Next(1, 7); lines > 0 && last < excerpt.Length - 1; lines--)
        {
            last = EndOfLine(excerpt, last + 1);
        }

        return OnCharacters(excerpt, random.Next(3) == 0 ? lineStart : random.Next(indented, lineEnd + 1), last);
    }

    private static int EndOfLine(string text, int from)
    {
        int end = text.IndexOf('\n', from);
        return end < 0 ? text.Length : end;
    }

    /// <summary>Moves a bound off the middle of a surrogate pair.</summary>
    private static (int From, int To) OnCharacters(string text, int from, int to)
    {
        int Move(int at) => at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;
        return (Move(from), Math.Max(Move(from), Move(to)));
    }
}
