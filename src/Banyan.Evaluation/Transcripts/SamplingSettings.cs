namespace Banyan.Evaluation.Transcripts;

/// <summary>Sampling settings. Part of an answer's identity: two answers are comparable only under the same settings.</summary>
/// <param name="Temperature">0 takes the most likely token; 1 is the model's own distribution.</param>
/// <param name="TopP">Nucleus sampling; 1 keeps all.</param>
/// <param name="MaxTokens">Maximum tokens of an answer.</param>
/// <param name="Seed">The first sample's seed (sample n has this plus n), if the service accepts one; null sends none.</param>
public sealed record SamplingSettings(double Temperature = 0, double TopP = 1, int MaxTokens = 1024, long? Seed = null)
{
    /// <summary>Checks every range. Throws <see cref="EvaluationException"/> naming the value.</summary>
    public void Validate()
    {
        if (Temperature is not (>= 0 and <= 2))
            throw new EvaluationException($"temperature {Temperature}: a number between 0 and 2 is expected");
        if (TopP is not (> 0 and <= 1))
            throw new EvaluationException($"top-p {TopP}: a number above 0 and at most 1 is expected");
        if (MaxTokens is not (>= 1 and <= 1 << 20))
            throw new EvaluationException($"max tokens {MaxTokens}: a number between 1 and {1 << 20} is expected");
    }
}
