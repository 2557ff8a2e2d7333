namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// The pattern of OpenAI's cl100k encoding and of models that adopted it (Llama 3: three digits; Qwen2: one):
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>
/// </summary>
/// <param name="digits">The maximum number of digits in a piece.</param>
/// <param name="marks">Whether \p{M} counts as a letter in words (Qwen3.5).</param>
sealed class Cl100kScanner(int digits, bool marks = false) : PreTokenizer
{
    readonly CharClass _word = marks ? CharClass.Letter | CharClass.Mark : CharClass.Letter;

    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var classes = Characters.At(text, at, out var next);
        if ((classes & _word) != 0)
            return Characters.EndOfRun(text, next, _word);
        if ((classes & CharClass.Number) != 0)
            return EndOfDigits(text, next);

        var contraction = Contraction.EndIgnoringCase(text, at);
        if (contraction >= 0)
            return contraction;

        if (next < text.Length)
        {
            var following = Characters.At(text, next, out var afterFollowing);
            if ((classes & CharClass.Newline) == 0 && (following & _word) != 0)
                return Characters.EndOfRun(text, afterFollowing, _word);
            if (text[at] == ' ' && (following & (CharClass.Space | CharClass.Number)) == 0)
                return EndOfSigns(text, afterFollowing);
        }
        return (classes & CharClass.Space) == 0 ? EndOfSigns(text, next) : Whitespace.EndWithNewlines(text, at);
    }

    int EndOfDigits(ReadOnlySpan<byte> text, int next)
    {
        for (var count = 1; count < digits && next < text.Length
            && (Characters.At(text, next, out var after) & CharClass.Number) != 0; count++)
            next = after;
        return next;
    }

    int EndOfSigns(ReadOnlySpan<byte> text, int at) =>
        Characters.EndOfRun(text, Characters.EndOfRunWithout(text, at, CharClass.Space | _word | CharClass.Number), CharClass.Newline);
}
