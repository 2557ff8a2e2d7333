using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

// What a pass's logits become: tokens of answers, and where these end.
public sealed partial class Engine
{
    // One token, and as many more as were guessed right.
    void Sample(Request request, Forward forward)
    {
        var guesses = request.Draft is { } draft ? draft.Tokens[..draft.Rows] : [];
        var (before, right, ends, goesOn) = (request.Tokens.Length, 0, false, true);
        request.Drafted += guesses.Length;
        for (var row = 0; goesOn; row++)
        {
            var logits = forward.Result(request.LogitIndex + row);
            var summary = _summaries[request.LogitIndex + row];
            if (!double.IsFinite(summary.LogSum))
            {
                Hand(request, row);
                End(request, new GenerationException($"the model gave logits that are no numbers after {request.Tokens.Length} tokens:"
                    + " its weights are damaged (check the file's hash, or download it again)"));
                return;
            }
            var top = request.Options is { TopLogprobs: { } wanted, LogprobsAfterSampling: false }
                ? Top(logits, wanted, summary.LogSum) : null;
            Step step;
            int forced;
            try
            {
                step = _steps[row] = Choose(request, logits, summary, top);
                forced = step.Finish is null && request.Grammar is not null ? Force(request, row + 1) : 0;
            }
            catch (Exception e)
            {
                Hand(request, row);
                End(request, e as GenerationException
                    ?? new GenerationException($"the answer's grammar cannot be followed any further: {e.Message}", e));
                return;
            }
            ends = step.Finish is not null;
            if (row < guesses.Length && step.Token == guesses[row])
                (right, request.Accepted) = (right + 1, request.Accepted + 1);
            goesOn = right > row && !ends;
            if (forced > 0)
            {
                // The model need not say what must follow; its next row is after that.
                ends = _steps[row + forced].Finish is not null;
                right = guesses.CommonPrefixLength(request.Tokens[before..]);
                goesOn = false;
            }
        }
        Hand(request, request.Tokens.Length - before);
        // Rows after a wrong guess are as if they had not been: the next pass writes over them.
        request.Sequence.Advance(request.Sequence.Length + request.Rows - guesses.Length
            + Math.Min(right, request.Tokens.Length - before - 1), request.Tokens);
        request.Draft?.Learn(request.Tokens[before..]);
        if (ends)
            End(request, null);
    }

    // Tokens that must follow, taken without the model; not where their probabilities are asked for, which only it knows.
    int Force(Request request, int at)
    {
        if (request.Options.TopLogprobs is not null)
            return 0;
        var count = 0;
        foreach (var token in request.Grammar!.Forced())
        {
            if (!request.Grammar.Take(token))
                break;
            request.Sampler.Count(token);
            var step = _steps[at + count++] = Take(request, token, 0, null);
            if (step.Finish is not null)
                break;
        }
        return count;
    }

    // A pass's tokens together: the reader is woken once for them, not once for each. It sees what was set before.
    void Hand(Request request, int count)
    {
        for (var i = 0; i < count; i++)
            request.Steps.Writer.TryWrite(_steps[i]);
    }

    Step Choose(Request request, Span<float> logits, LogitSummary summary, TokenLogProb[]? top)
    {
        // The log-probability is the model's own: of the logits before the sampler changes them.
        var raw = logits;
        var allowed = request.Grammar?.Mask();
        // A mask leaves those that are allowed as they were.
        if (request.Sampler.Changes)
            logits.CopyTo(raw = _scratch.Raw);
        var token = request.Sampler.Next(logits, summary, _scratch, allowed, request.StopTokens, request.Grammar?.Accepts ?? true);
        while (request.Grammar is { } grammar && !request.StopTokens.Contains(token) && !grammar.Take(token))
        {
            if (float.IsNegativeInfinity(logits[token]))
                throw new GenerationException("the vocabulary has no token for what the answer's grammar wants next");
            // A name that was there already, say: another one, then.
            logits[token] = float.NegativeInfinity;
            token = request.Sampler.Again(logits, _scratch);
        }
        if (request.Options is { TopLogprobs: { } wanted, LogprobsAfterSampling: true })
        {
            (top, var own) = request.Sampler.Drawn(logits, _scratch, wanted, token);
            request.Sampler.Count(token);
            return Take(request, token, own, top);
        }
        request.Sampler.Count(token);
        return Take(request, token, (float)(raw[token] - summary.LogSum), top);
    }

    Step Take(Request request, int token, float logProb, TokenLogProb[]? top)
    {
        var full = request.Append(token);
        if (request.StopTokens.Contains(token))
            return new Step(token, logProb, top, 0, 0, 0, FinishReason.Stop);
        var bytes = Model.Tokenizer.IsSpecial(token) && !request.Options.VisibleTokens.Contains(token) ? 0
            : Model.Tokenizer.Bytes(token).Length;
        // Nothing can follow: the model need not be asked for the end.
        if (request.Grammar is { IsEnd: true, Accepts: true })
            return new Step(token, logProb, top, bytes, 0, 0, FinishReason.Stop);
        var held = 0;
        if (request.Stops is { } stops)
        {
            for (var i = 0; i < bytes; i++)
                if (stops.Append(Model.Tokenizer.Bytes(token)[i]))
                    return new Step(token, logProb, top, i + 1, stops.Held, 0, FinishReason.Stop);
            held = stops.Held;
        }
        return new Step(token, logProb, top, bytes, 0, full ? 0 : held, full ? FinishReason.Length : null);
    }

    // Only where asked for: this allocates.
    internal static TokenLogProb[] Top(ReadOnlySpan<float> logits, int wanted, double normalizer)
    {
        var values = new float[Math.Min(wanted, logits.Length)];
        var tokens = new int[values.Length];
        Distribution.Top(logits, values, tokens);
        var top = new TokenLogProb[values.Length];
        for (var i = 0; i < top.Length; i++)
            top[i] = new TokenLogProb(tokens[i], (float)(values[i] - normalizer));
        return top;
    }
}
