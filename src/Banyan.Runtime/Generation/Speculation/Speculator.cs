namespace Banyan.Runtime.Generation.Speculation;

/// <summary>Decides how many guessed tokens go into the next pass: the number that maximizes tokens a second, from the measured times of
/// passes and how often guesses were right. If guessing does not pay off there are none, at the cost of one look-up per token.</summary>
/// <remarks> A guess never changes an answer: the model computes the logits after each guessed token, the request's own sampler chooses
/// from them as if it had come that far a token at a time, and the first choice that differs ends the pass's tokens. That is rejection
/// sampling (Leviathan et al. 2023) for a certain guess, with the same draws: the same seed gives the same text, with guesses or without.
/// </remarks>
internal sealed class Speculator(TimeProvider clock, Drafter? drafter = null)
{
    /// <summary>Guessed tokens of all requests in a pass.</summary>
    public const int MaxRows = 32;

    readonly PassCosts _costs = new();
    readonly List<Draft> _drafts = [];
    readonly List<double> _next = []; // how likely the next token of each is right, with all before it
    long _began;

    /// <summary>
    /// Guesses how requests continue, and sets the rows of each one's draft. All of them generate, one token each without guesses.
    /// </summary>
    public void Plan(IReadOnlyList<Request> requests)
    {
        _drafts.Clear();
        for (var i = 0; i < requests.Count; i++)
        {
            if (requests[i].Draft is not { } draft)
                continue;
            // The last token of an answer needs no guess after it.
            draft.Guess(requests[i].Tokens, requests[i].Room - 1);
        }
        if (drafter is not null && requests.Count > 0 && _costs.Predict(requests.Count) is > 0 and var alone)
            drafter.Guess(requests, alone, _costs);
        for (var i = 0; i < requests.Count; i++)
            if (requests[i].Draft is { Tokens.IsEmpty: false } draft)
                _drafts.Add(draft);
        Choose(_drafts, requests.Count);
    }

    /// <summary>Sets the rows of each draft, beside <paramref name="rows"/> that are computed anyway; returns how many they are.</summary>
    public int Choose(IReadOnlyList<Draft> drafts, int rows)
    {
        if (drafts.Count == 0 || _costs.Predict(rows) is not (> 0 and var alone))
            return 0;
        _next.Clear();
        for (var i = 0; i < drafts.Count; i++)
            _next.Add(drafts[i].Right);

        // The likeliest token first, whosever it is; then as many of them as are best.
        double tokens = rows, best = tokens / alone;
        var (taken, keep) = (0, 0);
        Span<byte> order = stackalloc byte[MaxRows];
        for (; taken < MaxRows && rows + taken < PassCosts.MaxRows; taken++)
        {
            var likeliest = -1;
            for (var i = 0; i < drafts.Count; i++)
                if (drafts[i].Rows < drafts[i].Tokens.Length && (likeliest < 0 || _next[i] > _next[likeliest]))
                    likeliest = i;
            if (likeliest < 0)
                break;
            order[taken] = (byte)likeliest;
            drafts[likeliest].Rows++;
            tokens += _next[likeliest];
            _next[likeliest] *= drafts[likeliest].Right;
            if (tokens / _costs.Predict(rows + taken + 1) is var rate && rate > best)
                (best, keep) = (rate, taken + 1);
        }
        while (taken > keep)
            drafts[order[--taken]].Rows--;
        return keep;
    }

    /// <summary>A pass begins.</summary>
    public void Begin() => _began = clock.GetTimestamp();

    /// <summary>It ended.</summary>
    /// <param name="rows">Its rows, none of them of a prompt.</param>
    public void End(int rows) => Took(rows, clock.GetElapsedTime(_began).TotalSeconds);

    /// <summary>A pass of that many rows took so long.</summary>
    public void Took(int rows, double seconds) => _costs.Observe(rows, seconds);
}
