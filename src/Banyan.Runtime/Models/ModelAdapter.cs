using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models;

/// <summary>
/// An adapter beside the model that it adapts: <see cref="Model.AddAdapter"/> makes it, and a request names it
/// (<see cref="Generation.GenerationOptions.Adapter"/>). Requests with and without, and with different ones, are computed together.
/// </summary>
public sealed class ModelAdapter
{
    readonly IReadOnlyList<AdapterTerm> _terms;

    internal ModelAdapter(Model model, string name, int number, Func<ModelAdapter, IReadOnlyList<AdapterTerm>> attach)
    {
        (Model, Name, Number) = (model, name, number);
        _terms = attach(this);
    }

    /// <summary>The base.</summary>
    public Model Model { get; }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>Memory it takes.</summary>
    public long Bytes => _terms.Sum(t => t.Bytes);

    /// <summary>From 0 on, in the order in which they were added.</summary>
    internal int Number { get; }

    internal void Free()
    {
        foreach (var term in _terms)
            term.Dispose();
    }
}
