using System.Diagnostics;
using System.Runtime.CompilerServices;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;

namespace Banyan.Runtime.Prompts;

/// <summary>An answer whose reasoning has a maximum number of tokens. When they are used up, the generation is stopped, its reasoning is
/// closed in the prompt, and a new generation continues from there, from the prefix cache.</summary>
/// <param name="conversation">How the model writes reasoning.</param>
/// <param name="most">The maximum tokens of it.</param>
/// <param name="after">What the answer must look like after it; null for anything.</param>
internal sealed class ReasoningLimit(Conversation conversation, int most, Grammar? after)
{
    /// <summary>Generates.</summary>
    /// <param name="generate">The engine's, or one with an adapter.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">Its options; the grammar is that of the whole answer.</param>
    /// <param name="begun">Whether the prompt ends within reasoning.</param>
    /// <param name="contextLength">Tokens of prompt and answer at most.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public async IAsyncEnumerable<Generated> GenerateAsync(
        Func<IReadOnlyList<int>, GenerationOptions, CancellationToken, IAsyncEnumerable<Generated>> generate,
        int[] prompt, GenerationOptions options, bool begun, int contextLength,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var (meter, tokens, began, first, cached) = (conversation.Meter(begun), new List<int>(), Stopwatch.GetTimestamp(), 0L, 0);
        await foreach (var generated in generate(prompt, options, cancellationToken).ConfigureAwait(false))
        {
            if (first == 0 && generated.Prompt is null)
                (first, cached) = (Stopwatch.GetTimestamp(), generated.CachedTokens);
            meter.Append(generated);
            if (generated.Token is { } token)
                tokens.Add(token);
            yield return generated;
            if (generated.Finish is not null)
                yield break;
            if (meter.IsWithin && meter.Tokens >= most)
                break;
        }

        var end = conversation.ReasoningEnd(after is not null);
        int[] next = [.. prompt, .. tokens, .. conversation.EncodeNext(end)];
        var room = Math.Min(options.MaxTokens - (next.Length - prompt.Length), contextLength - next.Length);
        if (room <= 0)
        {
            yield return new Generated { Text = end, CachedTokens = cached, Finish = FinishReason.Length, Statistics = Statistics(0) };
            yield break;
        }
        yield return new Generated { Text = end, CachedTokens = cached };
        var rest = options with { Grammar = after, MaxTokens = room, Seed = options.Seed + 1, ReportPrompt = false };
        await foreach (var generated in generate(next, rest, cancellationToken).ConfigureAwait(false))
            yield return generated.Statistics is { } statistics
                ? generated with { CachedTokens = cached, Statistics = Statistics(statistics.GeneratedTokens) } : generated;

        GenerationStatistics Statistics(int more) => new(prompt.Length, next.Length - prompt.Length + more,
            Stopwatch.GetElapsedTime(began, first).TotalSeconds, Stopwatch.GetElapsedTime(first).TotalSeconds, cached);
    }
}
