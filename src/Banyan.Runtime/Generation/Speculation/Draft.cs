namespace Banyan.Runtime.Generation.Speculation;

/// <summary>One request's guesses, and how often they were right: a running estimate for each length of match.</summary>
internal sealed class Draft(int capacity)
{
    /// <summary>The maximum tokens guessed at a time.</summary>
    public const int MaxTokens = 24;

    const float Weight = 0.08f;

    readonly Lookup _lookup = new(capacity);
    readonly int[] _tokens = new int[MaxTokens];
    readonly float[] _right = [0.4f, 0.5f, 0.6f, 0.75f, 0.7f, 0.6f];
    int _match, _guessed;

    /// <summary>What comes next, by the last <see cref="Guess"/>.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _guessed);

    /// <summary>How many of <see cref="Tokens"/> are in this pass.</summary>
    public int Rows { get; set; }

    /// <summary>How likely a token of the guess is right if those before it are.</summary>
    public float Right => _right[Class];

    int Class => _match switch
    {
        < 0 => ModelClass,
        <= 2 => 0,
        <= 4 => 1,
        < Lookup.CopyMatch => 2,
        ResumedMatch => ResumedClass,
        _ => 3,
    };

    const int ModelClass = 4, ResumedClass = 5, ResumedMatch = int.MaxValue;

    /// <summary>How likely a token is right that the draft model guesses.</summary>
    public float ModelRight => _right[ModelClass];

    /// <summary>The draft model guesses instead: one token after the other, by <see cref="Add"/>.</summary>
    public void BeginModel() => (_guessed, _match, Rows, Kept) = (0, -1, 0, 0);

    /// <summary>How many of the draft model's last guesses were right: what it computed for them stays.</summary>
    public int Kept { get; private set; }

    /// <summary>The draft model's next token.</summary>
    public void Add(int token) => _tokens[_guessed++] = token;

    /// <summary>Guesses at most <paramref name="most"/> tokens.</summary>
    public void Guess(ReadOnlySpan<int> text, int most)
    {
        _guessed = _lookup.Guess(text, _tokens.AsSpan(0, Math.Clamp(most, 0, MaxTokens)), out _match);
        if (_match < Lookup.CopyMatch && _lookup.Resume(text, _tokens.AsSpan(0, Math.Clamp(most, 0, MaxTokens))) is > 0 and var resumed)
            (_guessed, _match) = (resumed, ResumedMatch);
        Rows = 0;
    }

    /// <summary>Guesses nothing.</summary>
    public void Forget() => (_guessed, Rows) = (0, 0);

    /// <summary>The model has chosen <paramref name="chosen"/> tokens. Guesses that were not in the pass are compared too, so that it is
    /// noticed without a trial when guessing pays off again.</summary>
    public void Learn(ReadOnlySpan<int> chosen)
    {
        ref var right = ref _right[Class];
        if (_match >= Lookup.CopyMatch && _guessed > 0)
            _lookup.Learn(chosen, Tokens);
        if (_match < 0 && _guessed > 0)
            Kept = chosen[..Math.Min(chosen.Length, _guessed)].CommonPrefixLength(Tokens);
        for (var i = 0; i < Math.Min(chosen.Length, _guessed); i++)
            right += Weight * ((chosen[i] == _tokens[i] ? 1 : 0) - right);
    }
}
