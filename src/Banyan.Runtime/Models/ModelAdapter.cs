using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models;

/// <summary>
/// An adapter of a loaded model (<see cref="Model.AddAdapter"/>), or several together, each at a scale (<see cref="Model.MixAdapters"/>): a
/// request names it (<see cref="Generation.GenerationOptions.Adapter"/>). Requests with and without, and with different ones, are computed
/// together.
/// </summary>
public sealed class ModelAdapter
{
    static long s_lastRoot;

    readonly IReadOnlyList<AdapterTerm> _terms = [];
    readonly AdapterShare[] _shares;

    internal ModelAdapter(Model model, string name, int number, Func<int, IReadOnlyList<AdapterTerm>> attach)
    {
        (Model, Name, _shares) = (model, name, [new(number, 1)]);
        _terms = attach(number);
    }

    internal ModelAdapter(Model model, string name, AdapterShare[] shares) => (Model, Name, _shares) = (model, name, shares);

    /// <summary>The base.</summary>
    public Model Model { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its memory in bytes; 0 if it combines others.</summary>
    public long Bytes => _terms.Sum(t => t.Bytes);

    /// <summary>What is added to each projection.</summary>
    internal ReadOnlySpan<AdapterShare> Shares => _shares;

    /// <summary>Whether its norms hold for one scale alone (DoRA).</summary>
    internal bool IsDora => _terms.Any(t => t.IsDora);

    /// <summary>The parent of the first page of sequences computed with it, different from every other adapter's.</summary>
    internal long Root { get; } = Interlocked.Decrement(ref s_lastRoot);

    internal void Free()
    {
        foreach (var term in _terms)
            term.Dispose();
    }
}

/// <summary>An adapter of the model by its number, in the order in which they were added, and what it is multiplied by.</summary>
internal readonly record struct AdapterShare(int Number, float Scale);
