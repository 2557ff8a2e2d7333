namespace Banyan.Runtime.Models.Blocks;

/// <summary>One layer: residuals, one after the other. Most have two, around a mixer and around a feed-forward.</summary>
internal sealed class Layer(params Residual[] residuals)
{
    public ReadOnlySpan<Residual> Residuals => residuals;

    /// <summary>What the stream is multiplied by after the layer (Gemma 4).</summary>
    public float OutputScale { get; init; } = 1;
}
