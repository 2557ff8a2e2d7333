namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Isolates runs of a set of characters, as <c>\p{N}{1,3}</c> or <c>\s?\p{L}+</c> do.</summary>
/// <param name="set">The characters of a run.</param>
/// <param name="min">The minimum length of a run.</param>
/// <param name="max">The maximum length; a longer run is several pieces.</param>
/// <param name="spaceBefore">Whether a run includes one white space before it.</param>
sealed class RunsScanner(CharSet set, int min = 1, int max = int.MaxValue, bool spaceBefore = false) : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var end = Match(text, at, out var next);
        while (end < 0 && next < text.Length && Match(text, next, out var after) < 0)
            next = after;
        return end < 0 ? next : end;
    }

    int Match(ReadOnlySpan<byte> text, int at, out int next)
    {
        var first = Characters.CodePoint(text, at, out next);
        if (set.Contains(first))
            return Run(text, at);
        return spaceBefore && next < text.Length && (Characters.Classify(first) & CharClass.Space) != 0 ? Run(text, next) : -1;
    }

    int Run(ReadOnlySpan<byte> text, int at)
    {
        var count = 0;
        while (count < max && at < text.Length && set.Contains(Characters.CodePoint(text, at, out var next)))
        {
            at = next;
            count++;
        }
        return count >= min ? at : -1;
    }
}
