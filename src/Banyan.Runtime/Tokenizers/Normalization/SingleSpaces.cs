namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>Spaces in a row become one, those at both ends none (SentencePiece's remove_extra_whitespaces).</summary>
sealed class SingleSpaces : TextStep
{
    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first)
    {
        var result = new List<byte>(text.Length);
        foreach (var each in text)
            if (each != ' ' || result.Count > 0 && result[^1] != ' ')
                result.Add(each);
        if (result.Count > 0 && result[^1] == ' ')
            result.RemoveAt(result.Count - 1);
        return [.. result];
    }
}
