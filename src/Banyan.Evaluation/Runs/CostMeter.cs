using Banyan.Evaluation.Models;
using Banyan.Evaluation.Prices;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// Keeps what a run costs below its bound. The most that a question can cost is set aside before it is asked, so that no answer can exceed the bound,
/// however many are asked at once; what was not needed goes back when the answer is there.
/// </summary>
sealed class CostMeter(Price? price, decimal? most, decimal spent)
{
    /// <summary>A token has at least about two characters of code; to set too much aside only means to stop a question early.</summary>
    const int LeastCharactersPerToken = 2;

    /// <summary>What a token of code has usually, and the tokens of a usual answer: for estimates before anything is known.</summary>
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

    /// <summary>Sets aside the most that a question can cost; throws <see cref="CostException"/> when that could exceed the bound.</summary>
    public decimal Reserve(ModelPrompt prompt, int maxTokens)
    {
        var cost = Greatest(prompt, maxTokens);
        lock (_gate)
        {
            if (most is { } bound && _spent + _reserved + cost > bound)
                throw new CostException($"${_spent:0.######} of at most ${bound:0.######} are spent, and the next answer may cost ${cost:0.######}: the run stops here. All answers are kept; the same command with a greater --max-cost goes on");
            _reserved += cost;
        }
        return cost;
    }

    /// <summary>Gives back what was set aside and counts what it cost.</summary>
    public void Settle(decimal reserved, decimal cost)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            _spent += cost;
        }
    }

    public decimal Greatest(ModelPrompt prompt, int maxTokens) => price?.Of(prompt.Characters / LeastCharactersPerToken + 100, maxTokens) ?? 0;

    /// <summary>What an answer cost: by the tokens the service counted, or the most that it can have been.</summary>
    public decimal? Of(ModelPrompt prompt, int maxTokens, ModelAnswer answer) => price is null ? null
        : answer is { PromptTokens: { } asked, AnswerTokens: { } answered } ? price.Of(asked, answered) : Greatest(prompt, maxTokens);
}

/// <summary>A run stopped because it could have cost more than it may.</summary>
public sealed class CostException(string message) : Exception(message);
