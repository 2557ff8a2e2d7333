namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>GPT-2's pattern: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c></summary>
sealed class Gpt2Scanner : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var contraction = Contraction.End(text, at);
        if (contraction >= 0)
            return contraction;

        var word = text[at] == ' ' ? at + 1 : at;
        if (word == text.Length)
            return word;
        var classes = Characters.At(text, word, out var next);
        if ((classes & CharClass.Letter) != 0)
            return Characters.EndOfRun(text, next, CharClass.Letter);
        if ((classes & CharClass.Number) != 0)
            return Characters.EndOfRun(text, next, CharClass.Number);
        if ((classes & CharClass.Space) == 0)
            return Characters.EndOfRunWithout(text, next, CharClass.Space | CharClass.Letter | CharClass.Number);
        return Whitespace.End(text, at);
    }
}
