namespace Banyan.Runtime.Models.State;

/// <summary>How many tokens the cache of an engine holds.</summary>
internal static class CacheSize
{
    const int DefaultContexts = 4, Least = 2048;

    /// <summary>
    /// Tokens whose keys and values fit a quarter of the memory this process may use, or an eighth of it where layers with a window have
    /// pages of their own; at least 2,048.
    /// </summary>
    public static int Affordable(IReadOnlyList<LayerState> states, KvFormat format)
    {
        var isWindowed = KvCache.WindowOf(states) > 0;
        var bytes = KvCache.BytesPerToken(isWindowed ? states.Where(s => s is KvShape { Window: 0 }) : states, format);
        return (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (isWindowed ? 8 : 4) / Math.Max(1, bytes),
            Least, int.MaxValue / 2);
    }

    /// <summary>The requested size; else four contexts, as far as memory allows. At least one context. Memory is touched only when it is
    /// used, so this is a bound.</summary>
    public static int Tokens(Model model, int? requested) => Math.Max(model.ContextLength,
        requested ?? (int)Math.Min((long)model.ContextLength * DefaultContexts, Affordable(model.Weights.States, model.Options.KvCache)));
}
