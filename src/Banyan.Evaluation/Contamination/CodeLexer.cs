namespace Banyan.Evaluation.Contamination;

/// <summary>
/// Splits program text of any language into tokens: names, numbers, and single other non-blank characters. Emits each token's hash, and
/// whether it is a name that a copier would change: not a keyword, a built-in function or a member after a dot.
/// </summary>
sealed class CodeLexer(Action<ulong, bool> onToken)
{
    const ulong Seed = 0x9e3779b97f4a7c15, Prime = 0x100000001b3;

    /// <summary>Keywords and built-ins of Python and the C family.</summary>
    static readonly HashSet<ulong> s_kept = [.. """
        and as assert async await break case catch char class const continue def default del delete do double elif else enum except extends false False final
        finally float for foreach from function global goto if implements import in instanceof int interface is lambda let long match new None nonlocal not null
        or pass private protected public raise return self short static string struct super switch this throw throws true True try typeof using var void while with
        yield abs all any bin bool bytes chr dict divmod enumerate eval filter frozenset hash hex isinstance iter len list map max min next object open ord pow
        print range repr reversed round set sorted str sum tuple type zip Math List Dict Tuple Optional Any Console String Integer
        """.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(Hash)];

    ulong _token = Seed;
    bool _inToken, _isName, _afterDot;

    public void Read(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (c < 128 ? char.IsAsciiLetterOrDigit(c) || c == '_' : char.IsLetterOrDigit(c) || char.IsSurrogate(c))
            {
                if (!_inToken)
                    (_inToken, _isName) = (true, !char.IsAsciiDigit(c));
                _token = (_token ^ c) * Prime;
                continue;
            }
            EndToken();
            if (char.IsWhiteSpace(c))
                continue;
            onToken(WordLexer.Mixed((Seed ^ c) * Prime), false);
            _afterDot = c == '.';
        }
    }

    /// <summary>Ends the text and its last token.</summary>
    public void End()
    {
        EndToken();
        _afterDot = false;
    }

    void EndToken()
    {
        if (!_inToken)
            return;
        var hash = WordLexer.Mixed(_token);
        onToken(hash, _isName && !_afterDot && !s_kept.Contains(hash));
        (_token, _inToken, _afterDot) = (Seed, false, false);
    }

    static ulong Hash(string word) => WordLexer.Mixed(word.Aggregate(Seed, (hash, c) => (hash ^ c) * Prime));
}
