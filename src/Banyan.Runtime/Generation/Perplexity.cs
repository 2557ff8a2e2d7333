using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

/// <summary>
/// How well a model predicts a text, and how its distributions differ from a base's: the figures of llama.cpp's llama-perplexity, from the
/// second half of each chunk.
/// </summary>
public static class Perplexity
{
    /// <summary>Measures a text.</summary>
    /// <param name="model">A loaded model; not an encoder.</param>
    /// <param name="tokens">The text; an incomplete chunk at the end is left out.</param>
    /// <param name="context">Tokens of a chunk.</param>
    /// <param name="save">A file that receives the distributions, as the base of later measurements; null for none.</param>
    /// <param name="progress">Receives the number of completed chunks.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    /// <exception cref="ArgumentException">The text is shorter than a chunk, or the context is longer than the model's.</exception>
    public static PerplexityResult Measure(Model model, IReadOnlyList<int> tokens, int context, string? save = null,
        IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var chunks = tokens.Count / context;
        if (chunks == 0)
            throw new ArgumentException($"the text has {tokens.Count} tokens, less than one chunk of {context}", nameof(tokens));
        int[] text = [.. tokens.Take(chunks * context)];
        var result = new PerplexityResult(chunks, context);
        if (save is null)
            Run(model, text, context, result, null, null, progress, cancellationToken);
        else
            Files.WholeFile.Write(save, stream =>
            {
                var writer = new BaseLogits.Writer(stream, model.Config.VocabularySize, context, text);
                Run(model, text, context, result, writer, null, progress, cancellationToken);
            });
        return result;
    }

    /// <summary>Measures the text of a base file, and how distributions differ from those in it.</summary>
    /// <param name="model">A loaded model with the base's vocabulary.</param>
    /// <param name="path">What <see cref="Measure"/> or llama-perplexity saved.</param>
    /// <param name="progress">Receives the number of completed chunks.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    /// <exception cref="Files.ModelFileException">It is not such a file, or of another vocabulary.</exception>
    public static PerplexityResult Compare(Model model, string path, IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        using var file = new BaseLogits(path);
        if (file.Vocabulary != model.Config.VocabularySize)
            throw new Files.ModelFileException(path,
                $"its distributions are over {file.Vocabulary} tokens, and the model has {model.Config.VocabularySize}: it is of another model");
        var result = new PerplexityResult(file.Tokens.Length / file.Context, file.Context);
        Run(model, file.Tokens, file.Context, result, null, file, progress, cancellationToken);
        return result;
    }

    static void Run(Model model, int[] text, int context, PerplexityResult result, BaseLogits.Writer? save, BaseLogits? against,
        IProgress<int>? progress, CancellationToken cancellationToken) =>
        TextChunks.Run(model, text, context, context / 2, (chunk, position, logits) =>
        {
            if (position == context - 1)
                return; // the next chunk knows nothing of it
            var next = text[chunk * context + position + 1];
            var logSum = Distribution.LogSumExp(logits);
            if (!double.IsFinite(logSum))
                throw new GenerationException(
                    $"the model gave logits that are no numbers in chunk {chunk + 1}: its weights are damaged (check the file's hash, or download it again)");
            save?.Add(logits, logSum);
            if (against is null)
                result.Add(logSum - logits[next]);
            else
                result.Add(logits, logSum, against.Next(), next);
        }, null, progress, cancellationToken);
}

/// <summary>What was measured.</summary>
public sealed class PerplexityResult
{
    readonly List<double> _negative = [], _base = [], _divergence = [], _difference = [];
    int _sameTop;

    internal PerplexityResult(int chunks, int context) => (Chunks, Context) = (chunks, context);

    /// <summary>Chunks of the text.</summary>
    public int Chunks { get; }

    /// <summary>Tokens of a chunk.</summary>
    public int Context { get; }

    /// <summary>Tokens that were predicted.</summary>
    public int Count => _negative.Count;

    /// <summary>exp of the mean negative log-probability, and its standard error.</summary>
    public Estimate Value => Exponential(Estimate.Mean(_negative));

    /// <summary>Whether there was a base.</summary>
    public bool HasBase => _base.Count > 0;

    /// <summary>The base's own.</summary>
    public Estimate Base => Exponential(Estimate.Mean(_base));

    /// <summary>The logarithm of their ratio; its error takes into account that both were measured on the same tokens.</summary>
    public Estimate LogRatio => Estimate.Mean([.. _negative.Zip(_base, (a, b) => a - b)]);

    /// <summary>Mean Kullback-Leibler divergence of the base's distributions from the model's, in nats.</summary>
    public Estimate Divergence => Estimate.Mean(_divergence);

    /// <summary>The divergence that a fraction of tokens stays under.</summary>
    public double DivergenceAt(double fraction) => Percentile(_divergence, fraction);

    /// <summary>The share of tokens at which both have the same most likely one.</summary>
    public Estimate SameTop
    {
        get
        {
            var share = (double)_sameTop / Math.Max(1, _divergence.Count);
            return new(share, Math.Sqrt(share * (1 - share) / Math.Max(1, _divergence.Count - 1)));
        }
    }

    /// <summary>Mean change of the correct token's probability.</summary>
    public Estimate Difference => Estimate.Mean(_difference);

    /// <summary>Root of the mean square of that change.</summary>
    public Estimate DifferenceRms
    {
        get
        {
            var square = Estimate.Mean([.. _difference.Select(d => d * d)]);
            var root = Math.Sqrt(square.Value);
            return new(root, root > 0 ? 0.5 / root * square.Error : 0);
        }
    }

    internal void Add(double negative) => _negative.Add(negative);

    internal void Add(ReadOnlySpan<float> logits, double logSum, ReadOnlySpan<float> logProbs, int next)
    {
        Add(logSum - logits[next]);
        _base.Add(-logProbs[next]);
        var (sum, top, baseTop) = (0.0, 0, 0);
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] > logits[top])
                top = i;
            if (logProbs[i] > logProbs[baseTop])
                baseTop = i;
            if (logProbs[i] > -16)
                sum += Math.Exp(logProbs[i]) * (logProbs[i] - (logits[i] - logSum));
        }
        _divergence.Add(sum);
        _difference.Add(Math.Exp(logits[next] - logSum) - Math.Exp(logProbs[next]));
        if (top == baseTop)
            _sameTop++;
    }

    static Estimate Exponential(Estimate log) => new(Math.Exp(log.Value), Math.Exp(log.Value) * log.Error);

    static double Percentile(List<double> values, double fraction)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            return double.NaN;
        var at = Math.Clamp(fraction, 0, 1) * (sorted.Length - 1);
        var low = (int)at;
        return sorted[low] + (at - low) * (sorted[Math.Min(low + 1, sorted.Length - 1)] - sorted[low]);
    }
}

/// <summary>A mean and its standard error.</summary>
/// <param name="Value">The mean.</param>
/// <param name="Error">Its standard error; 0 for ten values or fewer.</param>
public readonly record struct Estimate(double Value, double Error)
{
    internal static Estimate Mean(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return new(double.NaN, double.NaN);
        var mean = values.Average();
        var variance = values.Sum(v => (v - mean) * (v - mean)) / values.Count;
        return new(mean, values.Count > 10 ? Math.Sqrt(variance / (values.Count - 1)) : 0);
    }
}
