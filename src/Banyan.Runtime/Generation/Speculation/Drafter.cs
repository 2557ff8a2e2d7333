using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation.Speculation;

/// <summary>Guesses how requests continue, by computing, if their own text gives no guess: a draft model, or the model's own prediction
/// layer. It computes the number of tokens that maximizes tokens a second, from the measured times of its steps and of the model's passes
/// and how often it was right; if that is none, it pauses and is retried at growing intervals.</summary>
/// <remarks> The sampler chooses from its logits with the numbers it will draw with: a guess is what the request would get if the drafter
/// were the model. </remarks>
internal abstract class Drafter : IDisposable
{
    protected const int MostSteps = 8;
    const int TrialSteps = 4, FirstPause = 32, LongestPause = 1024;
    const double Weight = 0.15;

    readonly SamplerScratch _scratch;
    readonly List<Request> _asked;
    readonly int _contextLength, _vocabulary;
    readonly int? _fixed;
    readonly TimeProvider _clock;
    double _stepSeconds; // of one step for all that ask; 0: not known yet
    int _pause = FirstPause, _idle = FirstPause;

    /// <param name="drafter">The model it computes with.</param>
    /// <param name="target">The model that it guesses for.</param>
    /// <param name="options">How requests share that.</param>
    /// <param name="rows">The maximum rows of its passes.</param>
    protected Drafter(Model drafter, Model target, EngineOptions options, int rows)
    {
        Batch = new Batch(rows);
        _scratch = new SamplerScratch(drafter.Config.VocabularySize);
        _asked = new(options.MaxRequests);
        (_fixed, _clock) = (options.DraftTokens, options.Clock);
        (_contextLength, _vocabulary) = (drafter.ContextLength, target.Config.VocabularySize);
    }

    protected Batch Batch { get; }

    /// <summary>The maximum tokens of prompt and answer of a request that it keeps up with, its guesses included.</summary>
    protected int Capacity(Request request) => Math.Min(request.Capacity + MostSteps, _contextLength);

    /// <summary>Guesses for the requests whose own text gives nothing better.</summary>
    /// <param name="requests">All of them generate.</param>
    /// <param name="alone">Seconds of the model's pass without guesses.</param>
    /// <param name="costs">Of its passes.</param>
    public void Guess(IReadOnlyList<Request> requests, double alone, PassCosts costs)
    {
        _asked.Clear();
        var (right, most) = (0f, MostSteps);
        for (var i = 0; i < requests.Count; i++)
        {
            var request = requests[i];
            if (request.Draft is not { } draft || (!draft.Tokens.IsEmpty && draft.Right >= draft.ModelRight) || request.Room < 2
                || request.Tokens.Length + MostSteps > Capacity(request))
                continue;
            _asked.Add(request);
            right += draft.ModelRight;
            most = Math.Min(most, request.Room - 1);
        }
        if (_asked.Count == 0)
            return;
        var steps = Math.Min(most, _fixed ?? Steps(right / _asked.Count, requests.Count, alone, costs));
        if (steps == 0)
        {
            if (++_idle < _pause)
                return;
            // Tried again; if it is right again, its estimate says so.
            (_idle, _pause, steps) = (0, Math.Min(2 * _pause, LongestPause), Math.Min(most, TrialSteps));
        }
        else
            (_idle, _pause) = (0, FirstPause);
        Compute(steps);
    }

    // Tokens a second with k guesses each: (1 + r + … + rᵏ) of those that ask ÷ (pass + k steps).
    int Steps(float right, int rows, double alone, PassCosts costs)
    {
        if (_stepSeconds == 0)
            return TrialSteps;
        var (best, steps) = (rows / alone, 0);
        double tokens = rows, likely = 1;
        for (var k = 1; k <= MostSteps; k++)
        {
            tokens += _asked.Count * (likely *= right);
            if (tokens / (costs.Predict(rows + k * _asked.Count) + k * _stepSeconds) is var rate && rate > best)
                (best, steps) = (rate, k);
        }
        return steps;
    }

    void Compute(int steps)
    {
        for (var i = _asked.Count - 1; i >= 0; i--)
            if (!Follow(_asked[i], steps))
                _asked.RemoveAt(i);
        if (_asked.Count == 0)
            return;
        First(_asked);
        var began = _clock.GetTimestamp();
        for (var step = 1; step < steps; step++)
            if (!Next(_asked, step))
                break;
        if (steps > 1)
        {
            var seconds = _clock.GetElapsedTime(began).TotalSeconds / (steps - 1);
            _stepSeconds = _stepSeconds == 0 ? seconds : _stepSeconds + Weight * (Math.Min(seconds, 3 * _stepSeconds) - _stepSeconds);
        }
    }

    /// <summary>Rolls back to what is certain and reserves memory for so many guesses; false if there is none.</summary>
    protected abstract bool Follow(Request request, int steps);

    /// <summary>Computes what it has not seen of the requests' texts, and the first guess of each (<see cref="Choose"/>).</summary>
    protected abstract void First(IReadOnlyList<Request> requests);

    /// <summary>Computes a guess more of each, after its guess number <paramref name="step"/> - 1; false if none goes on.</summary>
    protected abstract bool Next(IReadOnlyList<Request> requests, int step);

    /// <summary>
    /// The model has computed the tokens [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>) of a request,
    /// which stay.
    /// </summary>
    /// <param name="request">It goes on; its text has the token after these.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="model">The pass.</param>
    public virtual void Observe(Request request, int first, int count, Forward model)
    {
    }

    /// <summary>The request has ended: its pages are free.</summary>
    public virtual void Release(Request request) => request.DraftSequence?.Release();

    /// <summary>The request's next guess, of logits.</summary>
    protected void Choose(Request request, Span<float> logits)
    {
        var token = request.Sampler.Guess(logits, _scratch, request.Draft!.Tokens.Length);
        if (token < _vocabulary)
            request.Draft.Add(token);
    }

    public abstract void Dispose();
}
