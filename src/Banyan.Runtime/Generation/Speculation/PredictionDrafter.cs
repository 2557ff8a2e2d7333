using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation.Speculation;

/// <summary>
/// A model's own layer for multi-token prediction (<see cref="PredictionLayer"/>). It keeps a cache of its own, whose position i is of the
/// model's stream after token i and of token i + 1.
/// <code>
/// after each pass:    what the model knew at its tokens waits (<see cref="KnownRows"/>); of prompts it goes through the layer at once, all but the last
/// before a pass:      1. back to what is certain     2. what waits goes through the layer: the first guess     3. a guess after the other, of the layer's own stream
/// </code>
/// Of a beginning that the model found in its prefix cache and this did not, it is taken that the model knew nothing: guesses suffer,
/// answers never.
/// </summary>
internal sealed class PredictionDrafter : Drafter
{
    const int CatchUp = 256;

    /// <summary>Only common tokens are guessed if at most one in eight of this many tokens was not common.</summary>
    const int Looked = 128, MostRare = Looked / 8;

    readonly PredictionLayer _layer;
    readonly KvCache _cache;
    readonly Forward _forward;
    readonly int _columns;

    public PredictionDrafter(Model model, PredictionLayer layer, EngineOptions options)
        : base(model, model, options, CatchUp + options.MaxRequests)
    {
        (_layer, _columns) = (layer, model.Config.EmbeddingSize);
        _cache = new KvCache(layer.States, model.Options.KvCache, CacheSize.Tokens(model, options.CacheTokens));
        _forward = new Forward(model, layer, _cache, Batch.Capacity, options.MaxRequests);
    }

    public override void Observe(Request request, int first, int count, Forward model)
    {
        var rows = request.Known ?? Begin(request);
        var (end, known) = (first + count, request.DraftLength + rows.Count);
        // What a request computes again after it gave way has been seen.
        if (rows.IsLost || end <= known)
            return;
        if (end - request.DraftLength > KnownRows.Most)
        {
            if (!Read(request, rows, end - 1, first, model))
                return;
            rows.Clear();
            known = end - 1;
        }
        for (; known < end; known++)
            rows.Add(known < first ? default : model.Hidden(request.FirstRow + known - first));
    }

    KnownRows Begin(Request request)
    {
        request.DraftSequence = new Sequence(_cache, Capacity(request), request.Sequence.Adapter);
        request.DraftLength = request.DraftSequence.Begin(request.Tokens[1..]);
        return request.Known = new KnownRows(_columns);
    }

    /// <summary>
    /// What is known at the positions before <paramref name="end"/> goes through the layer: the rows that wait, nothing where there is a
    /// gap, and of the model's pass those from <paramref name="first"/> on. False if there is no room.
    /// </summary>
    bool Read(Request request, KnownRows rows, int end, int first = int.MaxValue, Forward? model = null)
    {
        var (sequence, begin) = (request.DraftSequence!, request.DraftLength);
        sequence.Try(begin);
        if (!sequence.TryReserve(end))
        {
            sequence.Release();
            rows.IsLost = true;
            return false;
        }
        while (sequence.Length < end)
        {
            var (from, count) = (sequence.Length, Math.Min(CatchUp, end - sequence.Length));
            for (var row = 0; row < count; row++)
            {
                var position = from + row;
                var to = _forward.Known(row);
                if (position - begin < rows.Count)
                    rows[position - begin].CopyTo(to);
                else if (position < first)
                    to.Clear();
                else
                    model!.Hidden(request.FirstRow + position - first).CopyTo(to);
            }
            Batch.Clear();
            Batch.Add(sequence, request.Tokens.Slice(from + 1, count), 0);
            _forward.Run(Batch);
            sequence.Advance(from + count, request.Tokens[1..]);
        }
        request.DraftLength = end;
        return true;
    }

    protected override bool Follow(Request request, int steps)
    {
        // Nothing waits where the last guesses never went anywhere, as the request had to wait.
        if (request.Known is not { IsLost: false, Count: > 0 } rows || request.DraftLength + rows.Count != request.Tokens.Length - 1)
            return false;
        request.DraftSequence!.Try(request.DraftLength);
        if (!request.DraftSequence.TryReserve(request.Tokens.Length - 1 + steps))
            return false;
        request.Draft!.BeginModel();
        return true;
    }

    protected override void First(IReadOnlyList<Request> requests)
    {
        var all = 0;
        for (var i = 0; i < requests.Count; i++)
            all += requests[i].Known!.Count;
        for (var i = 0; all > Batch.Capacity && i < requests.Count; i++)
        {
            Read(requests[i], requests[i].Known!, requests[i].Tokens.Length - 2);
            requests[i].Known!.KeepLast();
        }
        var common = _layer.CommonLogits;
        for (var i = 0; i < requests.Count; i++)
            common = IsCommon(requests[i].Tokens) ? common : null;
        _forward.Head = common ?? _layer.Logits;
        Batch.Clear();
        for (var i = 0; i < requests.Count; i++)
        {
            var (request, rows) = (requests[i], requests[i].Known!);
            for (var row = 0; row < rows.Count; row++)
                rows[row].CopyTo(_forward.Known(Batch.Count + row));
            request.LogitIndex = Batch.Add(request.DraftSequence!, request.Tokens.Slice(request.DraftLength + 1, rows.Count), 1);
        }
        _forward.Run(Batch);
        for (var i = 0; i < requests.Count; i++)
        {
            var (request, rows) = (requests[i], requests[i].Known!);
            request.DraftSequence!.Advance(request.DraftLength += rows.Count, request.Tokens[1..]);
            rows.Clear();
            Choose(request, _forward.Result(request.LogitIndex));
        }
    }

    static bool IsCommon(ReadOnlySpan<int> tokens)
    {
        var rare = 0;
        foreach (var token in tokens[Math.Max(0, tokens.Length - Looked)..])
            rare += token >= PredictionLayer.CommonTokens ? 1 : 0;
        return rare <= MostRare;
    }

    protected override bool Next(IReadOnlyList<Request> requests, int step)
    {
        Batch.Clear();
        for (var i = 0; i < requests.Count; i++)
        {
            var request = requests[i];
            if (request.Draft!.Tokens.Length < step)
                continue;
            _forward.Hidden(request.LogitIndex).CopyTo(_forward.Known(Batch.Count));
            request.LogitIndex = Batch.Add(request.DraftSequence!, request.Draft.Tokens.Slice(step - 1, 1), 1);
        }
        if (Batch.Count == 0)
            return false;
        _forward.Run(Batch);
        for (var i = 0; i < requests.Count; i++)
            if (requests[i] is var request && request.Draft!.Tokens.Length == step)
            {
                request.DraftSequence!.Try(request.DraftSequence.Length + 1);
                Choose(request, _forward.Result(request.LogitIndex));
            }
        return true;
    }

    public override void Release(Request request)
    {
        if (request.Known is not { IsLost: false })
            return;
        // What was computed for guesses is not kept for the next turn.
        request.DraftSequence!.Try(request.DraftLength);
        request.DraftSequence.Release(request.Tokens[1..]);
    }

    public override void Dispose()
    {
        _forward.Dispose();
        _cache.Dispose();
    }
}
