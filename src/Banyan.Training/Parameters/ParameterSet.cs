using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Training.Parameters;

/// <summary>
/// All trained parameters, one after the other in one piece of memory; likewise their gradients and each kind of optimizer state. Norms,
/// updates and checkpoints go over the pieces as wholes.
/// </summary>
internal sealed unsafe class ParameterSet : IDisposable
{
    const int Alignment = 16; // floats: a cache line

    readonly List<Parameter> _all = [];
    readonly Dictionary<string, Parameter> _byName = [];
    readonly List<(Parameter Parameter, Action<Parameter> Start)> _starts = [];
    AlignedBuffer? _values, _gradients;

    public IReadOnlyList<Parameter> All => _all;

    /// <summary>Floats of the piece of memory, padding counted.</summary>
    public long Size { get; private set; }

    /// <summary>The number of trained parameters.</summary>
    public long Count => _all.Sum(p => p.Count);

    public float* Values => _values!.Floats;

    public float* Gradients => _gradients!.Floats;

    /// <summary>A new parameter; the same name returns the same parameter (tied weights).</summary>
    /// <param name="name">Its name.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="kind">Which update it gets.</param>
    /// <param name="start">Initializes it.</param>
    public Parameter Add(string name, int rows, int columns, ParameterKind kind, Action<Parameter> start)
    {
        if (_byName.TryGetValue(name, out var known))
            return known;
        var parameter = new Parameter(name, rows, columns, kind, Size, this);
        _all.Add(parameter);
        _byName.Add(name, parameter);
        _starts.Add((parameter, start));
        Size += (parameter.Count + Alignment - 1) / Alignment * Alignment;
        return parameter;
    }

    /// <summary>Allocates the memory and initializes the parameters.</summary>
    public void Allocate()
    {
        _values = new AlignedBuffer(Size * sizeof(float));
        _gradients = new AlignedBuffer(Size * sizeof(float));
        Restart();
    }

    /// <summary>Resets the parameters to their initial values.</summary>
    public void Restart()
    {
        foreach (var (parameter, start) in _starts)
            start(parameter);
        ClearGradients();
    }

    public void ClearGradients()
    {
        for (long i = 0; i < Size; i += 1 << 28)
            new Span<float>(Gradients + i, (int)Math.Min(1 << 28, Size - i)).Clear();
    }

    public void Dispose()
    {
        _values?.Dispose();
        _gradients?.Dispose();
    }
}
