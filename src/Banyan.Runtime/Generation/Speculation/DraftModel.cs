using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation.Speculation;

/// <summary>
/// A small model that guesses how requests continue. It keeps its own cache of their tokens.
/// <code>
/// 1. back to what of its guesses stayed     2. catch up with the text, in passes of up to 256 tokens     3. a token after the other, all requests together
/// </code>
/// </summary>
internal sealed class DraftModel : Drafter
{
    const int CatchUp = 256;

    readonly KvCache _cache;
    readonly Forward _forward;

    public DraftModel(Model draft, Model target, EngineOptions options) : base(draft, target, options, CatchUp + options.MaxRequests)
    {
        _cache = new KvCache(draft, CacheSize.Tokens(draft, options.CacheTokens));
        _forward = new Forward(draft, _cache, Batch.Capacity, options.MaxRequests, target.Pool);
    }

    /// <exception cref="ArgumentException">The same ids do not mean the same: guesses would be noise.</exception>
    public static void CheckVocabulary(Model draft, Model target)
    {
        var (small, large) = (draft.Tokenizer, target.Tokenizer);
        var count = Math.Min(draft.Config.VocabularySize, target.Config.VocabularySize);
        // Ids behind the tokenizer's are padding, of which models of one family have more or less.
        for (var id = 0; id < Math.Max(small.Count, large.Count); id++)
            if (id >= Math.Min(count, Math.Min(small.Count, large.Count)) ? !IsUnused(small, id) || !IsUnused(large, id)
                : !small.Bytes(id).SequenceEqual(large.Bytes(id)))
                throw new ArgumentException(
                    $"the draft model {draft.Name} has another vocabulary than {target.Name}: token {id} is {Show(small, id)} there and {Show(large, id)} here; take one with the same tokenizer");

        static bool IsUnused(Tokenizers.Tokenizer tokenizer, int id) =>
            id >= tokenizer.Count || tokenizer.Text(id).StartsWith("[PAD", StringComparison.Ordinal);

        static string Show(Tokenizers.Tokenizer tokenizer, int id) => id < tokenizer.Count ? $"'{tokenizer.Text(id)}'" : "nothing";
    }

    protected override bool Follow(Request request, int steps)
    {
        var sequence = request.DraftSequence ??= new Sequence(_cache, Capacity(request));
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
    protected override void First(IReadOnlyList<Request> requests)
    {
        for (var pending = true; pending;)
        {
            Batch.Clear();
            pending = false;
            for (var i = 0; i < requests.Count; i++)
            {
                var request = requests[i];
                var left = request.Tokens.Length - request.DraftSequence!.Length;
                var count = Math.Min(left, Batch.Capacity - Batch.Count - (requests.Count - 1 - i));
                request.LogitIndex = -1;
                if (left == 0)
                    continue;
                pending |= count < left;
                request.LogitIndex = Batch.Add(request.DraftSequence,
                    request.Tokens.Slice(request.DraftSequence.Length, count), count == left ? 1 : 0);
                request.DraftRows = count;
            }
            _forward.Run(Batch);
            for (var i = 0; i < requests.Count; i++)
            {
                var request = requests[i];
                if (request.Tokens.Length == request.DraftSequence!.Length)
                    continue;
                request.DraftSequence.Advance(request.DraftSequence.Length + request.DraftRows, request.Tokens);
                request.DraftLength = request.DraftSequence.Length;
                if (request.LogitIndex >= 0)
                    Choose(request, _forward.Result(request.LogitIndex));
            }
        }
    }

    protected override bool Next(IReadOnlyList<Request> requests, int step)
    {
        Batch.Clear();
        for (var i = 0; i < requests.Count; i++)
            requests[i].LogitIndex = requests[i].Draft!.Tokens.Length < step ? -1
                : Batch.Add(requests[i].DraftSequence!, requests[i].Draft!.Tokens.Slice(step - 1, 1), 1);
        if (Batch.Count == 0)
            return false;
        _forward.Run(Batch);
        for (var i = 0; i < requests.Count; i++)
            if (requests[i].LogitIndex >= 0)
            {
                requests[i].DraftSequence!.Try(requests[i].DraftSequence!.Length + 1);
                Choose(requests[i], _forward.Result(requests[i].LogitIndex));
            }
        return true;
    }

    public override void Dispose()
    {
        _forward.Dispose();
        _cache.Dispose();
    }
}
