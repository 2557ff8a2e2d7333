using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Decides what goes into the next pass.
/// <code>
/// 1. Admit    waiting requests, first come first served, while there is a place and pages for the whole prompt
/// 2. Decode   one row for each running request that generates, and rows for what is guessed to follow; where pages are short the youngest gives its pages back and waits again
/// 3. Prefill  rows of prompts that are not computed yet, oldest first: many when nobody generates, few when somebody does
/// </code>
/// A request that gave way begins again with prompt and answer so far; its sampler and its text never notice.
/// </summary>
internal sealed class Scheduler(EngineOptions options, DraftModel? draftModel = null)
{
    readonly Speculator? _speculator = options.Speculation ? new Speculator(options.Clock, draftModel) : null;
    readonly List<Request> _waiting = [];
    readonly List<Request> _running = [];

    /// <summary>In the order they were admitted.</summary>
    public IReadOnlyList<Request> Running => _running;

    public IReadOnlyList<Request> Waiting => _waiting;

    public bool IsIdle => _running.Count == 0 && _waiting.Count == 0;

    public void Add(Request request) => _waiting.Add(request);

    /// <summary>The request is done, cancelled or failed: its pages are free.</summary>
    public void Remove(Request request)
    {
        request.Sequence.Release();
        request.DraftSequence?.Release();
        if (!_running.Remove(request))
            _waiting.Remove(request);
    }

    /// <summary>Fills the batch with the rows of the next pass. At least one row unless nobody is here.</summary>
    public void Fill(Batch batch)
    {
        batch.Clear();
        Admit();
        Speculate();
        for (var i = 0; i < _running.Count; i++)
        {
            (_running[i].Rows, _running[i].LogitIndex) = (0, -1);
            if (_running[i].Pending == 1 && MakeRoom(_running[i]))
                AddRows(batch, _running[i], 1);
            else if (_running[i].Pending > 1 && _running[i].HasAnswer)
                MakeRoom(_running[i]); // tokens that a grammar forced: their rows are computed like a prompt's
        }
        var budget = Math.Min(batch.Count > 0 ? options.SharedPrefillTokens : options.PrefillTokens, batch.Capacity - batch.Count);
        for (var i = 0; i < _running.Count && budget > 0; i++)
            if (_running[i].Pending > 1)
            {
                var rows = Math.Min(_running[i].Pending, budget);
                AddRows(batch, _running[i], rows);
                budget -= rows;
            }
    }

    // Guesses only while nobody waits for a prompt.
    void Speculate()
    {
        var generates = true;
        for (var i = 0; i < _running.Count; i++)
        {
            generates &= _running[i].Pending == 1;
            _running[i].Draft?.Forget();
        }
        Speculator = generates ? _speculator : null;
        Speculator?.Plan(_running);
    }

    /// <summary>Guesses for this pass; null where there are none because it holds rows of prompts, or never any.</summary>
    public Speculator? Speculator { get; private set; }

    void Admit()
    {
        while (_waiting.Count > 0 && _running.Count < options.MaxRequests)
        {
            var request = _waiting[0];
            var cached = request.Sequence.Begin(request.Tokens);
            // A page to grow for each that runs already, so that a newcomer is not sent back at once.
            var spare = _running.Count == 0 ? 0 : _running.Count + 1;
            if (!request.Sequence.TryReserve(request.Tokens.Length, spare))
            {
                request.Sequence.Release();
                return;
            }
            request.CachedTokens ??= cached;
            _waiting.RemoveAt(0);
            _running.Add(request);
        }
    }

    // Room for one more token, taken from the youngest where there is none. False where the request itself had to give way.
    bool MakeRoom(Request request)
    {
        while (!request.Sequence.TryReserve(request.Tokens.Length))
        {
            var youngest = _running[^1];
            youngest.Sequence.Release();
            _running.RemoveAt(_running.Count - 1);
            _waiting.Insert(0, youngest);
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
        (request.Rows, request.LogitIndex) = (next.Length, batch.Add(request.Sequence, next, rows == request.Pending ? 1 + next.Length - rows : 0));
    }
}
