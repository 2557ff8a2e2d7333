using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation.Speculation;

/// <summary>
/// A small model that guesses how requests go on where their own text does not say. It keeps its own cache of their tokens, and computes as many as
/// raise the tokens a second, by what its steps and the large model's passes took and by how often it was right; where none do, it is left alone and
/// tried again, ever more seldom.
/// <code>
/// 1. back to what of its guesses stayed     2. catch up with the text, in passes of up to 256 tokens     3. a token after the other, all requests together
/// </code>
/// The sampler chooses from its logits with the numbers it will draw with: a guess is what the request would get if the small model were the large one.
/// </summary>
internal sealed class DraftModel : IDisposable
{
    const int CatchUp = 256, MostSteps = 8, TrialSteps = 4, FirstPause = 32, LongestPause = 1024;
    const double Weight = 0.15;

    readonly KvCache _cache;
    readonly Forward _forward;
    readonly Batch _batch;
    readonly SamplerScratch _scratch;
    readonly List<Request> _asked;
    readonly int _contextLength, _vocabulary;
    readonly int? _fixed;
    readonly TimeProvider _clock;
    double _stepSeconds; // of one step for all that ask; 0: not known yet
    int _pause = FirstPause, _idle = FirstPause;

    public DraftModel(Model draft, Model target, EngineOptions options)
    {
        _cache = new KvCache(draft, CacheSize.Tokens(draft, options.CacheTokens));
        _batch = new Batch(CatchUp + options.MaxRequests);
        _forward = new Forward(draft, _cache, _batch.Capacity, options.MaxRequests, target.Pool);
        _scratch = new SamplerScratch(draft.Config.VocabularySize);
        _asked = new(options.MaxRequests);
        (_fixed, _clock) = (options.DraftTokens, options.Clock);
        (_contextLength, _vocabulary) = (draft.ContextLength, target.Config.VocabularySize);
    }

    /// <exception cref="ArgumentException">The same ids do not mean the same: guesses would be noise.</exception>
    public static void CheckVocabulary(Model draft, Model target)
    {
        var (small, large) = (draft.Tokenizer, target.Tokenizer);
        var count = Math.Min(draft.Config.VocabularySize, target.Config.VocabularySize);
        // Ids behind the tokenizer's are padding, of which models of one family have more or less.
        for (var id = 0; id < Math.Max(small.Count, large.Count); id++)
            if (id >= Math.Min(count, Math.Min(small.Count, large.Count)) ? !IsUnused(small, id) || !IsUnused(large, id) : !small.Bytes(id).SequenceEqual(large.Bytes(id)))
                throw new ArgumentException($"the draft model {draft.Name} has another vocabulary than {target.Name}: token {id} is {Show(small, id)} there and {Show(large, id)} here; take one with the same tokenizer");

        static bool IsUnused(Tokenizers.Tokenizer tokenizer, int id) => id >= tokenizer.Count || tokenizer.Text(id).StartsWith("[PAD", StringComparison.Ordinal);

        static string Show(Tokenizers.Tokenizer tokenizer, int id) => id < tokenizer.Count ? $"'{tokenizer.Text(id)}'" : "nothing";
    }

    /// <summary>Guesses for the requests whose own text gives nothing better.</summary>
    /// <param name="requests">All of them generate.</param>
    /// <param name="alone">Seconds of the large model's pass without guesses.</param>
    /// <param name="costs">Of its passes.</param>
    public void Guess(IReadOnlyList<Request> requests, double alone, PassCosts costs)
    {
        _asked.Clear();
        var (right, most) = (0f, MostSteps);
        for (var i = 0; i < requests.Count; i++)
        {
            var request = requests[i];
            if (request.Draft is not { } draft || (!draft.Tokens.IsEmpty && draft.Right >= draft.ModelRight) || request.Room < 2
                || request.Tokens.Length + MostSteps > Math.Min(_contextLength, request.Capacity + MostSteps))
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
        ReadOn();
        var began = _clock.GetTimestamp();
        for (var step = 1; step < steps; step++)
        {
            _batch.Clear();
            for (var i = 0; i < _asked.Count; i++)
                _asked[i].LogitIndex = _asked[i].Draft!.Tokens.Length < step ? -1 : _batch.Add(_asked[i].DraftSequence!, _asked[i].Draft!.Tokens.Slice(step - 1, 1), 1);
            if (_batch.Count == 0)
                break;
            _forward.Run(_batch);
            for (var i = 0; i < _asked.Count; i++)
                if (_asked[i].LogitIndex >= 0)
                {
                    _asked[i].DraftSequence!.Try(_asked[i].DraftSequence!.Length + 1);
                    Choose(_asked[i]);
                }
        }
        if (steps > 1)
        {
            var seconds = _clock.GetElapsedTime(began).TotalSeconds / (steps - 1);
            _stepSeconds = _stepSeconds == 0 ? seconds : _stepSeconds + Weight * (Math.Min(seconds, 3 * _stepSeconds) - _stepSeconds);
        }
    }

    /// <summary>Back to what is certain, and room for what comes; false if the cache has none.</summary>
    bool Follow(Request request, int steps)
    {
        var sequence = request.DraftSequence ??= new Sequence(_cache, Math.Min(request.Capacity + MostSteps, _contextLength));
        var tokens = request.Tokens;
        if (request.DraftLength >= tokens.Length)
            return false; // the last guesses never went anywhere: the request had to wait
        // What it computed for its own last guesses stays as far as they were right.
        var stays = Math.Min(request.DraftLength + request.Draft!.Kept, Math.Min(sequence.Length, tokens.Length - 1));
        sequence.Try(request.DraftLength);
        if (stays > sequence.Length)
            sequence.Advance(stays, tokens);
        if (sequence.Length == 0)
            sequence.Begin(tokens);
        request.DraftLength = sequence.Length;
        if (!sequence.TryReserve(tokens.Length + steps))
            return false;
        request.Draft.BeginModel();
        return true;
    }

    // The text that it has not seen, and the first guess of each after it.
    void ReadOn()
    {
        for (var pending = true; pending;)
        {
            _batch.Clear();
            pending = false;
            for (var i = 0; i < _asked.Count; i++)
            {
                var request = _asked[i];
                var left = request.Tokens.Length - request.DraftSequence!.Length;
                var count = Math.Min(left, _batch.Capacity - _batch.Count - (_asked.Count - 1 - i));
                request.LogitIndex = -1;
                if (left == 0)
                    continue;
                pending |= count < left;
                request.LogitIndex = _batch.Add(request.DraftSequence, request.Tokens.Slice(request.DraftSequence.Length, count), count == left ? 1 : 0);
                request.DraftRows = count;
            }
            _forward.Run(_batch);
            for (var i = 0; i < _asked.Count; i++)
            {
                var request = _asked[i];
                if (request.Tokens.Length == request.DraftSequence!.Length)
                    continue;
                request.DraftSequence.Advance(request.DraftSequence.Length + request.DraftRows, request.Tokens);
                request.DraftLength = request.DraftSequence.Length;
                if (request.LogitIndex >= 0)
                    Choose(request);
            }
        }
    }

    void Choose(Request request)
    {
        var token = request.Sampler.Guess(_forward.Result(request.LogitIndex), _scratch, request.Draft!.Tokens.Length);
        if (token < _vocabulary)
            request.Draft.Add(token);
    }

    public void Dispose()
    {
        _forward.Dispose();
        _cache.Dispose();
    }
}
