namespace Banyan.Training.Parameters;

/// <summary>Which update a parameter gets.</summary>
internal enum ParameterKind
{
    /// <summary>A matrix: decays.</summary>
    Matrix,

    /// <summary>A row a token: embedding and output. Decays.</summary>
    Tokens,

    /// <summary>A norm's weight, a bias, a magnitude: does not decay.</summary>
    Vector,
}

/// <summary>A trained tensor [rows, columns] and its gradient.</summary>
/// <param name="Name">Its name: the tensor's in GGUF, for adapters with <c>.lora_a</c>, <c>.lora_b</c> or <c>.lora_magnitude</c> after
/// it.</param>
/// <param name="Rows">Rows; 1 of a vector.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Kind">Which update it gets.</param>
/// <param name="Offset">Where it lies among all parameters, in floats.</param>
/// <param name="Set">All parameters.</param>
internal sealed unsafe record Parameter(string Name, int Rows, int Columns, ParameterKind Kind, long Offset, ParameterSet Set)
{
    public long Count => (long)Rows * Columns;

    /// <summary>[rows, columns]</summary>
    public float* Value => Set.Values + Offset;

    /// <summary>[rows, columns], the sum over the step's sequences.</summary>
    public float* Gradient => Set.Gradients + Offset;

    public Span<float> Values => new(Value, checked((int)Count));
}
