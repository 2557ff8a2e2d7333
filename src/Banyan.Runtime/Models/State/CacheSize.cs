namespace Banyan.Runtime.Models.State;

/// <summary>How many tokens the cache of an engine holds.</summary>
internal static class CacheSize
{
    const int DefaultContexts = 4, Least = 2048;

    /// <summary>Tokens whose keys and values fit a quarter of the memory this process may use; at least 2,048.</summary>
    public static int Affordable(IReadOnlyList<LayerState> states, KvFormat format) => (int)Math.Clamp(
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 / Math.Max(1, KvCache.BytesPerToken(states, format)), Least, int.MaxValue / 2);

    /// <summary>
    /// What was asked for; else four contexts as far as they are affordable. At least one context. Only what is used is ever touched, so
    /// this is a bound and not what it takes.
    /// </summary>
    public static int Tokens(Model model, int? requested) => Math.Max(model.ContextLength,
        requested ?? (int)Math.Min((long)model.ContextLength * DefaultContexts, Affordable(model.Weights.States, model.Options.KvCache)));
}
