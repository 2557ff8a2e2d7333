namespace Banyan.Runtime.Generation.Speculation;

/// <summary>Tokens that a copy has instead of its source's: a name that was changed once is expected to change everywhere. A few of them,
/// each with its recent success rate.</summary>
internal sealed class Replacements
{
    const int Count = 8, Most = 3;

    readonly int[] _from = new int[Count], _to = new int[Count], _right = new int[Count];
    int _known;

    /// <summary>What is guessed for a token of the source: itself, or what replaced it.</summary>
    public int this[int token]
    {
        get
        {
            for (var i = 0; i < _known; i++)
                if (_from[i] == token && _right[i] > 0)
                    return _to[i];
            return token;
        }
    }

    /// <summary>For a token of the source one was guessed, and another or the same was chosen.</summary>
    public void Learn(int source, int guessed, int chosen)
    {
        if (guessed == chosen && guessed == source)
            return;
        var at = Array.IndexOf(_from, source, 0, _known);
        if (at < 0)
        {
            // Of those that are known the one that was wrong most gives way.
            at = _known < Count ? _known++ : Array.IndexOf(_right, _right.Min());
            (_from[at], _to[at], _right[at]) = (source, chosen, 1);
        }
        else if (_to[at] == chosen)
            _right[at] = Math.Min(_right[at] + 1, Most);
        else if (--_right[at] <= 0)
            (_to[at], _right[at]) = (chosen, chosen == source ? 0 : 1);
    }
}
