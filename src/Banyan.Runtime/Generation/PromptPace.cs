namespace Banyan.Runtime.Generation;

/// <summary>How many prompt tokens a pass takes, so that a layer ends soon enough for requests that arrive meanwhile. The cost of a token
/// is measured: it differs a hundredfold between machines, models and depths.</summary>
/// <param name="most">The maximum tokens of a pass.</param>
/// <param name="layers">Layers of the model.</param>
internal sealed class PromptPace(int most, int layers)
{
    /// <summary>Fewer would hardly take less time, since all weights are read anyway, and would slow down large models.</summary>
    internal const int Least = 64;

    const int First = 256;

    /// <summary>The time that a layer may take.</summary>
    internal const double LayerSeconds = 0.15;

    // One pass that another program slowed down must not count for long.
    const double MostShrinking = 0.5, MostGrowth = 1.5;

    readonly int _least = Math.Min(Least, most);
    double _tokens = Math.Min(First, most);

    /// <summary>Tokens of the next pass.</summary>
    public int Tokens => _tokens >= most ? most : Math.Max(_least, (int)_tokens / 16 * 16);

    /// <summary>Records the time of a pass with the given number of prompt rows.</summary>
    public void Observe(int rows, double seconds)
    {
        // With much fewer, the weights are what it took.
        if (rows < Tokens / 2 || seconds <= 0)
            return;
        _tokens = Math.Clamp(rows * LayerSeconds * layers / seconds, Math.Max(_least, _tokens * MostShrinking),
            Math.Min(most, Math.Max(_tokens, _least) * MostGrowth));
    }
}
