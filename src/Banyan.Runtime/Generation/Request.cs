using System.Diagnostics;
using System.Threading.Channels;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation;

/// <summary>One request while the engine works on it. Touched by the engine's thread alone, except for what is marked.</summary>
internal sealed class Request
{
    readonly int[] _tokens; // prompt, then answer; as long as both can become
    int _count;
    int _told = -1; // of the prompt
    long _firstToken, _lastToken;
    readonly long _arrived = Stopwatch.GetTimestamp();

    /// <param name="prompt">At least one token.</param>
    /// <param name="room">The maximum tokens of the answer.</param>
    /// <param name="options">Valid options.</param>
    /// <param name="stopTokens">Every token that ends the answer.</param>
    /// <param name="sequence">Its place in the KV cache, still empty.</param>
    /// <param name="speculate">Whether to guess how it continues.</param>
    /// <param name="grammar">At its beginning; null for any answer.</param>
    public Request(IReadOnlyList<int> prompt, int room, GenerationOptions options, HashSet<int> stopTokens, Sequence sequence,
        bool speculate, GrammarRun? grammar)
    {
        _tokens = new int[prompt.Count + room];
        for (var i = 0; i < prompt.Count; i++)
            _tokens[i] = prompt[i];
        PromptCount = _count = prompt.Count;
        (Options, StopTokens, Sequence, Grammar) = (options, stopTokens, sequence, grammar);
        Sampler = new Sampler(options, Tokens, room);
        Stops = options.Stop.Count > 0 ? new StopMatcher(options.Stop) : null;
        if (!speculate)
            return;
        Draft = new Draft(_tokens.Length);
        Draft.Guess(Tokens, 0); // the prompt is indexed here, on its reader's thread
    }

    public GenerationOptions Options { get; }

    public HashSet<int> StopTokens { get; }

    public Sequence Sequence { get; }

    public Sampler Sampler { get; }

    /// <summary>How far the answer has come in its grammar; null if it has none.</summary>
    public GrammarRun? Grammar { get; }

    /// <summary>Null if there are no stop strings.</summary>
    public StopMatcher? Stops { get; }

    public int PromptCount { get; }

    /// <summary>Guesses how it continues; null if that is off.</summary>
    public Draft? Draft { get; }

    /// <summary>Its place in the drafter's cache, once that has guessed for it, and how many tokens of the text are in there.</summary>
    public Sequence? DraftSequence { get; set; }

    /// <inheritdoc cref="DraftSequence"/>
    public int DraftLength { get; set; }

    /// <summary>Rows of the draft model's pass that are its own.</summary>
    public int DraftRows { get; set; }

    /// <summary>The rows that the multi-token prediction layer has yet to read; null if there is no such layer, or before the first
    /// pass.</summary>
    public KnownRows? Known { get; set; }

    /// <summary>The maximum tokens of prompt and answer.</summary>
    public int Capacity => _tokens.Length;

    /// <summary>How many tokens the answer can still get.</summary>
    public int Room => _tokens.Length - _count;

    /// <summary>Guessed tokens that went through the model, and those of them that were right.</summary>
    public int Drafted { get; set; }

    /// <inheritdoc cref="Drafted"/>
    public int Accepted { get; set; }

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>Tokens whose keys and values are not in the cache yet. One while generating.</summary>
    public int Pending => _count - Sequence.Length;

    /// <summary>Whether the answer has begun.</summary>
    public bool HasAnswer => _count > PromptCount;

    /// <summary>Prompt tokens taken from the prefix cache; set when it is first admitted.</summary>
    public int? CachedTokens { get; set; }

    /// <summary>Rows of this pass that are its own.</summary>
    public int Rows { get; set; }

    /// <summary>
    /// Whether its rows are in a long pass, between whose layers others have passes of their own: nothing of it may change until that ends.
    /// </summary>
    public bool IsInLongPass { get; set; }

    /// <summary>The first of its rows.</summary>
    public int FirstRow { get; set; }

    /// <summary>The last pass in which it was its client's turn to have rows of a prompt computed.</summary>
    public long Served { get; set; }

    /// <summary>Where this pass puts its logits; -1 for nowhere.</summary>
    public int LogitIndex { get; set; } = -1;

    /// <summary>The caller no longer waits for the answer. Set from any thread.</summary>
    public bool Cancelled { get => Volatile.Read(ref _cancelled); set => Volatile.Write(ref _cancelled, value); }
    bool _cancelled;

    /// <summary>
    /// Steps on their way to the reader. A queue of structs that is reused while the reader keeps up, so that a token allocates nothing
    /// here.
    /// </summary>
    public Channel<Step> Steps { get; } = Channel.CreateUnbounded<Step>(new() { SingleReader = true, SingleWriter = true });

    /// <summary>
    /// The next tokens to compute: those pending, of which there are <paramref name="rows"/>, and after them the draft's.
    /// </summary>
    public ReadOnlySpan<int> Next(int rows)
    {
        if (Draft is { Rows: > 0 } draft)
            draft.Tokens[..draft.Rows].CopyTo(_tokens.AsSpan(_count)); // room that the answer has not reached yet
        return _tokens.AsSpan(Sequence.Length, rows + (Draft?.Rows ?? 0));
    }

    /// <summary>Adds a token to the answer; true when no more fit.</summary>
    public bool Append(int token)
    {
        _lastToken = Stopwatch.GetTimestamp();
        if (_count == PromptCount)
            _firstToken = _lastToken;
        _tokens[_count++] = token;
        return _count == _tokens.Length;
    }

    /// <summary>Reports how many tokens of the prompt are computed, if the reader asked for it and the number has grown.</summary>
    public void TellPrompt(int processed)
    {
        if (!Options.ReportPrompt || processed <= _told)
            return;
        _told = processed;
        Steps.Writer.TryWrite(
            new Step
            {
                Prompt = new PromptProgress(PromptCount, CachedTokens ?? 0, processed,
                Stopwatch.GetElapsedTime(_arrived).TotalSeconds)
            });
    }

    /// <summary>What it took so far.</summary>
    public GenerationStatistics Statistics => new(PromptCount, _count - PromptCount,
        _firstToken == 0 ? 0 : Stopwatch.GetElapsedTime(_arrived, _firstToken).TotalSeconds,
        _firstToken == 0 ? 0 : Stopwatch.GetElapsedTime(_firstToken, _lastToken).TotalSeconds, CachedTokens ?? 0)
    { DraftedTokens = Drafted, AcceptedTokens = Accepted };
}

/// <summary>A token as the engine hands it over; the reader makes text of it.</summary>
/// <param name="Token">The token.</param>
/// <param name="LogProb">Its log-probability.</param>
/// <param name="Top">The most likely tokens, if requested.</param>
/// <param name="Bytes">How many of the token's bytes belong to the text.</param>
/// <param name="Cut">Bytes to take back from the end of the text: a stop string.</param>
/// <param name="Held">Bytes at the end of the text that are not to be shown yet.</param>
/// <param name="Finish">Set on the last.</param>
internal readonly record struct Step(int Token, float LogProb, TokenLogProb[]? Top, int Bytes, int Cut, int Held, FinishReason? Finish)
{
    /// <summary>Instead of a token: how far the prompt has been read.</summary>
    public PromptProgress? Prompt { get; init; }
}
