namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// The pattern of OpenAI's o200k encoding (GPT-4o, Llama 4) and of Mistral's Tekken (one digit, no contractions). With
/// A = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and B = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
/// <c>[^\r\n\p{L}\p{N}]?A*B+(?i:'s|…)?|[^\r\n\p{L}\p{N}]?A+B*(?i:'s|…)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>
/// </summary>
/// <param name="digits">The maximum number of digits in a piece.</param>
/// <param name="contractions">Whether a word takes the contraction that follows it.</param>
sealed class O200kScanner(int digits, bool contractions) : PreTokenizer
{
    const CharClass A = CharClass.Upper | CharClass.Uncased | CharClass.Mark;
    const CharClass B = CharClass.Lower | CharClass.Uncased | CharClass.Mark;

    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var classes = Characters.At(text, at, out var next);
        var end = Word(text, at, classes, next);
        if (end >= 0)
        {
            var contraction = contractions && end < text.Length ? Contraction.EndIgnoringCase(text, end) : -1;
            return contraction >= 0 ? contraction : end;
        }
        if ((classes & CharClass.Number) != 0)
            return EndOfDigits(text, next);

        var signs = text[at] == ' ' ? at + 1 : at;
        if (signs < text.Length
            && (Characters.At(text, signs, out var afterSign) & (CharClass.Space | CharClass.Letter | CharClass.Number)) == 0)
            return EndOfSigns(text, afterSign);
        return Whitespace.EndWithNewlines(text, at);
    }

    /// <summary>The alternatives in the order in which a backtracking matcher tries them; -1 if none matches.</summary>
    static int Word(ReadOnlySpan<byte> text, int at, CharClass classes, int next)
    {
        var prefixed = (classes & (CharClass.Newline | CharClass.Letter | CharClass.Number)) == 0 && next < text.Length;
        var bare = (classes & (A | B)) != 0;
        var end = prefixed ? EndsInB(text, next) : -1;
        if (end < 0 && bare)
            end = EndsInB(text, at);
        if (end < 0 && prefixed)
            end = AllA(text, next);
        if (end < 0 && bare)
            end = AllA(text, at);
        return end;
    }

    /// <summary>A*B+ : if no B follows the run of A, the run gives back characters until its last one is a B.</summary>
    static int EndsInB(ReadOnlySpan<byte> text, int at)
    {
        var endOfLastB = -1;
        while (at < text.Length)
        {
            var classes = Characters.At(text, at, out var next);
            if ((classes & A) == 0)
                return (classes & B) != 0 ? Characters.EndOfRun(text, next, B) : endOfLastB;
            if ((classes & B) != 0)
                endOfLastB = next;
            at = next;
        }
        return endOfLastB;
    }

    /// <summary>A+B* where A*B+ did not match, so that no B can follow.</summary>
    static int AllA(ReadOnlySpan<byte> text, int at)
    {
        var end = Characters.EndOfRun(text, at, A);
        return end > at ? end : -1;
    }

    int EndOfDigits(ReadOnlySpan<byte> text, int next)
    {
        for (var count = 1; count < digits && next < text.Length
            && (Characters.At(text, next, out var after) & CharClass.Number) != 0; count++)
            next = after;
        return next;
    }

    static int EndOfSigns(ReadOnlySpan<byte> text, int at)
    {
        at = Characters.EndOfRunWithout(text, at, CharClass.Space | CharClass.Letter | CharClass.Number);
        while (at < text.Length && text[at] is (byte)'\r' or (byte)'\n' or (byte)'/')
            at++;
        return at;
    }
}
