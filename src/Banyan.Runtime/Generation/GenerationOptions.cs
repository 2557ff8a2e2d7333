using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

/// <summary>
/// How one request is sampled and when it ends. The defaults are neutral: draw from the model's own distribution, as OpenAI's API does.
/// The order of operations (see docs/generation.md): logit bias, repetition penalty, presence and frequency penalty, grammar, temperature,
/// top-k, top-p, min-p, draw.
/// </summary>
public sealed record GenerationOptions
{
    /// <summary>
    /// The maximum tokens to generate. Generation also ends where the context is full. Default: as many as the context holds.
    /// </summary>
    public int MaxTokens { get; init; } = int.MaxValue;

    /// <summary>0 takes the most likely token; 1 is the model's distribution; higher values flatten it. At least 0.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keeps the smallest set of tokens whose probability reaches this. (0, 1]; 1 keeps all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this fraction as likely as the most likely one. [0, 1]; 0 keeps all.</summary>
    public float MinP { get; init; }

    /// <summary>Keeps this many of the most likely tokens. 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>
    /// Divides positive logits (multiplies negative ones) of tokens seen in prompt or answer (CTRL, arXiv 1909.05858). 1 is off; more than
    /// 0.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted once from the logit of each token the answer already has. -2…2; 0 is off.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted from the logit of each token for each time the answer already has it. -2…2; 0 is off.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of these tokens before anything else. -100 all but forbids, 100 all but forces.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>The same seed gives the same text, whatever else runs beside it. Null draws a seed.</summary>
    public ulong? Seed { get; init; }

    /// <summary>
    /// The answer ends before the first of these strings; none of it is ever shown, not even a part that a later token completes.
    /// </summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>The answer ends before the first of these tokens, besides the model's own end-of-text tokens.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>How many most likely alternatives to report with each token: 0…<see cref="MaxTopLogprobs"/>; null reports none.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>
    /// Whether log-probabilities are of the distribution that is drawn from, after bias, penalties, grammar, temperature and truncation,
    /// instead of the model's own. Tokens of probability 0 are not reported.
    /// </summary>
    public bool LogprobsAfterSampling { get; init; }

    /// <summary>Whether items without a token report how far the prompt has been read (<see cref="Generated.Prompt"/>).</summary>
    public bool ReportPrompt { get; init; }

    /// <summary>Goes on past the model's end-of-text tokens (for measurements).</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>An adapter of the engine's model (<see cref="Model.AddAdapter"/>); null for the model as it is.</summary>
    public ModelAdapter? Adapter { get; init; }

    /// <summary>
    /// The client that sent the request: clients take turns, however many requests each of them sends. Requests without one count as one
    /// client's.
    /// </summary>
    public string? Client { get; init; }

    /// <summary>
    /// The grammar that the answer must follow; null for none. It applies after bias and penalties, and rules out every token that cannot
    /// follow.
    /// </summary>
    public Grammar? Grammar { get; init; }

    /// <summary>Control tokens whose text is part of the answer, such as those around a tool call; others are not shown.</summary>
    public IReadOnlySet<int> VisibleTokens { get; init; } = new HashSet<int>();

    /// <summary>The most alternatives a request may ask for.</summary>
    public const int MaxTopLogprobs = 100;

    /// <summary>Checks every range. All errors at once.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names each, with its value and the range.</exception>
    public void Validate(int vocabularySize)
    {
        var errors = new List<string>();
        Check(MaxTokens >= 1, $"MaxTokens is {MaxTokens}: at least 1");
        Check(Temperature is >= 0 and <= 100, $"Temperature is {Temperature}: between 0 and 100");
        Check(TopP is > 0 and <= 1, $"TopP is {TopP}: above 0 and at most 1");
        Check(MinP is >= 0 and <= 1, $"MinP is {MinP}: between 0 and 1");
        Check(TopK >= 0, $"TopK is {TopK}: 0 (off) or more");
        Check(RepetitionPenalty is > 0 and <= 100, $"RepetitionPenalty is {RepetitionPenalty}: above 0 and at most 100");
        Check(PresencePenalty is >= -100 and <= 100, $"PresencePenalty is {PresencePenalty}: between -100 and 100");
        Check(FrequencyPenalty is >= -100 and <= 100, $"FrequencyPenalty is {FrequencyPenalty}: between -100 and 100");
        Check(TopLogprobs is null or (>= 0 and <= MaxTopLogprobs), $"TopLogprobs is {TopLogprobs}: between 0 and {MaxTopLogprobs}");
        foreach (var stop in Stop)
            Check(!string.IsNullOrEmpty(stop), "Stop holds an empty string: remove it");
        Check(Stop.Count <= 64, $"Stop holds {Stop.Count} strings: at most 64");
        foreach (var token in StopTokens)
            Check(token >= 0 && token < vocabularySize, $"StopTokens holds {token}: the vocabulary has {vocabularySize} tokens");
        foreach (var (token, bias) in LogitBias ?? new Dictionary<int, float>())
            Check(token >= 0 && token < vocabularySize && float.IsFinite(bias),
                $"LogitBias[{token}] is {bias}: a finite bias for a token below {vocabularySize}");
        if (errors.Count > 0)
            throw new ArgumentException(string.Join("; ", errors));

        void Check(bool good, string message)
        {
            if (!good)
                errors.Add(message);
        }
    }
}
