using Banyan.Evaluation.Models;
using Banyan.Evaluation.Prices;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// Keeps a run's cost below its limit. The maximum cost of a request is reserved before it is sent, so no answer can exceed the limit,
/// whatever the concurrency; the unused part is released when the answer arrives.
/// </summary>
sealed class CostMeter(Price? price, decimal? most, decimal spent)
{
    /// <summary>A token has at least about two characters of code; reserving too much only means stopping a request early.</summary>
    const int LeastCharactersPerToken = 2;

    /// <summary>Typical characters per token of code, and typical tokens per answer: for estimates before anything is known.</summary>
    public const double CharactersPerToken = 3.2, UsualAnswerTokens = 350;

    readonly Lock _gate = new();
    decimal _spent = spent, _reserved;

    public decimal? Spent
    {
        get
        {
            lock (_gate)
                return price is null ? null : _spent;
        }
    }

    /// <summary>Reserves the maximum cost of a request; throws <see cref="CostException"/> if that could exceed the limit.</summary>
    public decimal Reserve(ModelPrompt prompt, int maxTokens)
    {
        var cost = Greatest(prompt, maxTokens);
        lock (_gate)
        {
            if (most is { } bound && _spent + _reserved + cost > bound)
                throw new CostException(
                    $"${_spent:0.######} of at most ${bound:0.######} are spent, and the next answer may cost ${cost:0.######}: the run stops here. All answers are kept; the same command with a greater --max-cost resumes");
            _reserved += cost;
        }
        return cost;
    }

    /// <summary>Releases the reservation and counts the actual cost.</summary>
    public void Settle(decimal reserved, decimal cost)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            _spent += cost;
        }
    }

    public decimal Greatest(ModelPrompt prompt, int maxTokens) =>
        price?.Of(prompt.Characters / LeastCharactersPerToken + 100, maxTokens) ?? 0;

    /// <summary>The cost of an answer: by the tokens the service counted, or the maximum possible.</summary>
    public decimal? Of(ModelPrompt prompt, int maxTokens, ModelAnswer answer) => price is null ? null
        : answer is { PromptTokens: { } asked, AnswerTokens: { } answered } ? price.Of(asked, answered) : Greatest(prompt, maxTokens);
}

/// <summary>A run stopped because it could have exceeded its cost limit.</summary>
public sealed class CostException(string message) : Exception(message);
