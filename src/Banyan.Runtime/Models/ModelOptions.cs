using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;

namespace Banyan.Runtime.Models;

/// <summary>How a model is loaded and computed.</summary>
public sealed record ModelOptions
{
    /// <summary>Threads that compute; default: the physical cores this process may use.</summary>
    public int Threads { get; init; } = PhysicalCores.Count;

    /// <summary>The maximum tokens a sequence may have, if less than the model's own context.</summary>
    public int? ContextLength { get; init; }

    /// <summary>How keys and values are stored.</summary>
    public KvFormat KvCache { get; init; } = KvFormat.F16;

    /// <summary>The activations that quantized weights are multiplied with.</summary>
    public ActivationFormat Activations { get; init; } = ActivationFormat.Quantized;

    internal void Validate()
    {
        if (Threads is < 1 or > 1024)
            throw new ArgumentException($"Threads is {Threads}: between 1 and 1024");
        if (ContextLength is < 2)
            throw new ArgumentException($"ContextLength is {ContextLength}: at least 2");
    }
}

/// <summary>How keys and values are stored.</summary>
public enum KvFormat
{
    /// <summary>16 bits a number: integers with a scale for each head and position, finer than half precision. Half the memory.</summary>
    F16,

    /// <summary>Single precision: the exact path.</summary>
    F32,

    /// <summary>8 bits a number, with a scale for each 32: a quarter of the memory, for long contexts.</summary>
    Q8_0,
}

/// <summary>The activations that quantized weights are multiplied with.</summary>
public enum ActivationFormat
{
    /// <summary>Activations rounded to 8 bits in blocks of 32: fast.</summary>
    Quantized,

    /// <summary>Activations as they are: the exact path, slower.</summary>
    Float,
}
