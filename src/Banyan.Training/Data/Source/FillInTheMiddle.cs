namespace Banyan.Training.Data.Source;

/// <summary>Cuts a text into prefix, middle and suffix (Bavarian et al. 2022, arXiv 2207.14255).</summary>
static class FillInTheMiddle
{
    /// <summary>Where a user's cursor would be: the rest of a line (40 %), whole lines (35 %), any span (25 %).</summary>
    public static (int From, int To) ChooseMiddle(string text, Random random)
    {
        var kind = random.NextDouble();
        if (kind < 0.25)
        {
            var from = random.Next(text.Length);
            return OnCharacters(text, from, Math.Min(text.Length, from + 1 + random.Next(1 + text.Length * 2 / 5)));
        }
        var lineStart = text.LastIndexOf('\n', random.Next(Math.Max(1, text.Length - 1))) + 1;
        var lineEnd = EndOfLine(text, lineStart);
        var indented = lineStart;
        while (indented < lineEnd && char.IsWhiteSpace(text[indented]))
            indented++;
        if (kind < 0.65)
        {
            var from = random.Next(2) == 0 ? indented : random.Next(indented, lineEnd + 1);
            var to = random.NextDouble() < 0.75 ? lineEnd : random.Next(from, lineEnd + 1);
            return OnCharacters(text, from, to);
        }
        var last = lineEnd;
        for (var lines = random.Next(1, 7); lines > 0 && last < text.Length - 1; lines--)
            last = EndOfLine(text, last + 1);
        return OnCharacters(text, random.Next(3) == 0 ? lineStart : random.Next(indented, lineEnd + 1), last);
    }

    static int EndOfLine(string text, int from) => text.IndexOf('\n', from) is var end and >= 0 ? end : text.Length;

    /// <summary>Moves a bound off the middle of a surrogate pair.</summary>
    static (int From, int To) OnCharacters(string text, int from, int to)
    {
        int Move(int at) => at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;
        return (Move(from), Math.Max(Move(from), Move(to)));
    }
}
