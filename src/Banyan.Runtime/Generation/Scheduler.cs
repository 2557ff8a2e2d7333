using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Decides what goes into the next pass.
/// <code>
/// 1. Admit    waiting requests of the clients that have the fewest running, while there is a place and pages for the whole prompt; each client's first come first served
/// 2. Decode   one row for each running request that generates, and rows for what is guessed to follow; where pages are short the youngest gives its pages back and waits again. Not in a long pass
/// 3. Prefill  rows of prompts that are not computed yet: many in a long pass, or when nobody generates, few when somebody does; the oldest's, and half of them a much shorter one's or another client's
/// </code>
/// A pass with a long prompt has no rows of answers; requests that generate or arrive get passes between its layers. A preempted request
/// restarts with its prompt and its answer so far; its sampler and its text are not affected. It is preempted for clients that have fewer
/// slots than its own, and prompts are taken from clients in turn, so a client with many requests delays only itself.
/// </summary>
internal sealed class Scheduler(EngineOptions options, int layers, Drafter? drafter = null)
{
    const int MostClients = 1024, LeastShared = 16;

    readonly PromptPace _pace = new(options.PrefillTokens, layers);
    readonly Speculator? _speculator = options.Speculation ? new Speculator(options.Clock, drafter) : null;
    readonly List<Request> _waiting = [];
    readonly List<Request> _running = [];
    readonly Dictionary<string, long> _admitted = []; // when each client got a place last
    long _turn;
    bool _isBeside; // whether a long pass goes on

    /// <summary>In the order they were admitted.</summary>
    public IReadOnlyList<Request> Running => _running;

    public IReadOnlyList<Request> Waiting => _waiting;

    public bool IsIdle => _running.Count == 0 && _waiting.Count == 0;

    public void Add(Request request) => _waiting.Add(request);

    /// <summary>The request is done, cancelled or failed: its pages are freed.</summary>
    /// <param name="request">The request.</param>
    /// <param name="isComputed">False if a pass with it was given up: then only what was kept before is kept.</param>
    public void Remove(Request request, bool isComputed = true)
    {
        request.Sequence.Release(isComputed ? request.Tokens : default);
        drafter?.Release(request);
        if (!_running.Remove(request))
            _waiting.Remove(request);
    }

    /// <summary>Fills the batch with the rows of the next pass. At least one row, unless there are no requests or all of them wait for a
    /// long pass.</summary>
    public void Fill(Batch batch)
    {
        batch.Clear();
        Admit();
        Speculate();
        _isBeside = false;
        for (var i = 0; i < _running.Count; i++)
            if (_running[i].IsInLongPass)
                _isBeside = true;
            else
                (_running[i].Rows, _running[i].LogitIndex) = (0, -1);
        IsLong = !_isBeside && AnyLongPrompt();
        for (var i = 0; i < _running.Count; i++)
        {
            var request = _running[i];
            if (request.IsInLongPass || (IsLong && !IsLongPrompt(request)))
                continue;
            // More than one with an answer: tokens that a grammar forced, or all of one that gave way. Their rows are computed like a
            // prompt's.
            if ((request.Pending == 1 || request.HasAnswer) && !MakeRoom(i))
                i--;
            else if (request.Pending == 1)
                AddRows(batch, request, 1);
        }
        var most = _pace.Tokens;
        Prefill(batch,
            Math.Min(batch.Count > 0 || _isBeside ? Math.Min(options.SharedPrefillTokens, Math.Max(LeastShared, most / 2)) : most,
                batch.Capacity - batch.Count));
    }

    /// <summary>Whether the pass has only prompt rows, some of a long prompt: other requests get passes between its layers.</summary>
    public bool IsLong { get; private set; }

    bool AnyLongPrompt()
    {
        for (var i = 0; i < _running.Count; i++)
            if (IsLongPrompt(_running[i]))
                return true;
        return false;
    }

    bool IsLongPrompt(Request request) => request.Pending > options.ShortPromptTokens;

    /// <summary>Records the time of a long pass, without the passes between its layers.</summary>
    public void Observe(Batch batch, double seconds) => _pace.Observe(batch.Count, seconds);

    // The oldest prompt of the client whose turn it is, and the one of the next client that is soonest done, have half of the rows each;
    // what they leave is the others', oldest first. One of the same client has to be much shorter: two that are alike would both be late.
    void Prefill(Batch batch, int budget)
    {
        if (budget <= 0 || Unread(soonest: false) is not { } oldest)
            return;
        _turn++;
        Served(oldest);
        oldest.Rows = 1; // is not picked again
        var soonest = Unread(soonest: true);
        if (soonest is not null && soonest.Options.Client == oldest.Options.Client && soonest.Pending > oldest.Pending / 2)
            soonest = null;
        var rest = soonest is null ? 0 : Math.Min(soonest.Pending, budget / 2);
        var rows = Math.Min(oldest.Pending, budget - rest);
        AddRows(batch, oldest, rows);
        budget -= rows;
        if (soonest is not null && soonest.Pending <= options.ShortPromptTokens)
            budget = Math.Max(budget, Math.Min(soonest.Pending, batch.Capacity - batch.Count));
        if (soonest is not null && Math.Min(soonest.Pending, budget) is var more and > 0)
        {
            Served(soonest);
            AddRows(batch, soonest, more);
            budget -= more;
        }
        for (var i = 0; i < _running.Count && budget > 0; i++)
            if (_running[i] is var request && IsUnread(request))
            {
                rows = Math.Min(request.Pending, budget);
                AddRows(batch, request, rows);
                budget -= rows;
            }
    }

    // In a long pass only what is long, as short prompts are done sooner beside it; beside one, not what is as good as read after it.
    bool IsUnread(Request request)
    {
        if (request is not { Pending: > 1, Rows: 0 } || (IsLong && !IsLongPrompt(request)))
            return false;
        for (var i = 0; _isBeside && i < _running.Count; i++)
            if (_running[i] is { IsInLongPass: true } other && other.Options.Client == request.Options.Client
                && request.Pending > Math.Max(other.Pending / 2, options.ShortPromptTokens))
                return false;
        return true;
    }

    // A prompt that has no rows yet in this pass, of the client that was served longest ago.
    Request? Unread(bool soonest)
    {
        Request? best = null;
        foreach (var request in _running)
            if (IsUnread(request) && (best is null || (request.Options.Client == best.Options.Client
                ? soonest && request.Pending < best.Pending : LastServed(request) < LastServed(best))))
                best = request;
        return best;
    }

    long LastServed(Request request)
    {
        var last = 0L;
        foreach (var other in _running)
            if (other.Options.Client == request.Options.Client)
                last = Math.Max(last, other.Served);
        return last;
    }

    void Served(Request request) => request.Served = _turn;

    // Guesses only while nobody waits for a prompt.
    void Speculate()
    {
        var generates = true;
        for (var i = 0; i < _running.Count; i++)
        {
            generates &= _running[i] is { Pending: 1, IsInLongPass: false };
            _running[i].Draft?.Forget();
        }
        Speculator = generates ? _speculator : null;
        Speculator?.Plan(_running);
    }

    /// <summary>Guesses for this pass; null if there are none because it holds rows of prompts, or never any.</summary>
    public Speculator? Speculator { get; private set; }

    void Admit()
    {
        while (_waiting.Count > 0)
        {
            var request = Next();
            if (_running.Count >= options.MaxRequests && !GiveWay(request))
                return;
            int cached;
            while (true)
            {
                cached = request.Sequence.Begin(request.Tokens);
                // A page to grow for each that runs already, so that a newcomer is not sent back at once.
                if (request.Sequence.TryReserve(request.Tokens.Length, _running.Count == 0 ? 0 : _running.Count + 1))
                    break;
                request.Sequence.Release(request.Tokens);
                if (!GiveWay(request))
                    return;
            }
            request.CachedTokens ??= cached;
            _waiting.Remove(request);
            _running.Add(request);
            Admitted(request);
        }
    }

    // The first of the client that has the fewest running; of such clients the one that got a place longest ago.
    Request Next()
    {
        var (best, least) = (_waiting[0], Standing(_waiting[0]));
        for (var i = 1; i < _waiting.Count; i++)
            if (_waiting[i].Options.Client != best.Options.Client && Standing(_waiting[i]) is var standing && standing.CompareTo(least) < 0)
                (best, least) = (_waiting[i], standing);
        return best;

        (int, long) Standing(Request request) => (Places(request), _admitted.GetValueOrDefault(request.Options.Client ?? ""));
    }

    void Admitted(Request request)
    {
        // Who got a place long ago is as good as who never had one.
        if (_admitted.Count > MostClients)
            _admitted.Clear();
        _admitted[request.Options.Client ?? ""] = ++_turn;
    }

    int Places(Request of)
    {
        var places = 0;
        foreach (var request in _running)
            places += request.Options.Client == of.Options.Client ? 1 : 0;
        return places;
    }

    // The youngest of the client with the most places gives its own up to one that has two less or fewer; sooner one whose answer has not
    // begun.
    bool GiveWay(Request request)
    {
        Request? youngest = null;
        foreach (var other in _running)
            if (!other.IsInLongPass && Places(other) is var places && places >= Places(request) + 2
                && (youngest is null || places > Places(youngest)
                    || (places == Places(youngest) && (youngest.HasAnswer || !other.HasAnswer))))
                youngest = other;
        if (youngest is null)
            return false;
        Evict(youngest);
        return true;
    }

    void Evict(Request request)
    {
        request.Sequence.Release(request.Tokens);
        _running.Remove(request);
        _waiting.Insert(0, request);
    }

    // Room for one more token, taken from those that have no rows yet in this pass: from the youngest of the client with the most places.
    // False where the request itself had to give way.
    bool MakeRoom(int index)
    {
        var request = _running[index];
        while (!request.Sequence.TryReserve(request.Tokens.Length))
        {
            var youngest = request;
            for (var i = _running.Count - 1; i > index; i--)
                if (!_running[i].IsInLongPass && (youngest == request || Places(_running[i]) > Places(youngest)))
                    youngest = _running[i];
            Evict(youngest);
            if (youngest == request)
                return false;
        }
        return true;
    }

    void AddRows(Batch batch, Request request, int rows)
    {
        // Guesses take only room that nobody else needs.
        if (request.Draft is { Rows: > 0 } draft && !request.Sequence.TryReserve(request.Tokens.Length + draft.Rows))
            draft.Rows = 0;
        var next = request.Next(rows);
        request.FirstRow = batch.Count;
        (request.Rows, request.LogitIndex) = (next.Length,
            batch.Add(request.Sequence, next, rows == request.Pending ? 1 + next.Length - rows : 0));
    }
}
