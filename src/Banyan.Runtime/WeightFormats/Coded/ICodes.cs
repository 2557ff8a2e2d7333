namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// A format whose weights are codes of a few bits: weight = scale × Values[code], less a minimum where the format has one. A scale belongs
/// to 16 or 32 weights, and is written as a number. One file a format; <see cref="CodedFormat{TCodes}"/> and the kernels are made of it.
/// </summary>
/// <remarks>Layouts and codebooks are those of ggml (ggml-common.h, MIT licence).</remarks>
interface ICodes
{
    static abstract string Name { get; }

    static abstract uint GgufType { get; }

    static abstract int BlockWeights { get; }

    static abstract int BlockBytes { get; }

    /// <summary>Weights that share a scale: 16 or 32.</summary>
    static virtual int Unit => 32;

    /// <summary>What the number of a scale means.</summary>
    static virtual ScaleForm Scales => ScaleForm.Numbers;

    /// <summary>Whether each unit has a minimum too: dmin × a number.</summary>
    static virtual bool HasMins => false;

    /// <summary>Bits of a code: 2, 3 or 4.</summary>
    static abstract int Bits { get; }

    /// <summary>The weight of each code before it is scaled, 16 of them; those that no code reaches are 0.</summary>
    static abstract ReadOnlySpan<sbyte> Values { get; }

    /// <summary>Reads a block.</summary>
    static abstract void Decode(ReadOnlySpan<byte> block, ref CodedBlock to);

    /// <summary>Whether <see cref="Encode"/> is implemented.</summary>
    static virtual bool IsWritten => false;

    /// <summary>Writes a block, as llama.cpp's quantizer does; the block is all zeros before.</summary>
    static virtual void Encode(ReadOnlySpan<float> weights, Span<byte> block) => throw new NotSupportedException();

    /// <summary>Whether it needs an importance matrix.</summary>
    static virtual bool NeedsImportance => false;

    /// <summary>Whether <see cref="EncodeWeighed"/> is implemented.</summary>
    static virtual bool TakesImportance => false;

    /// <summary>The same with an importance matrix.</summary>
    static virtual void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block) =>
        throw new NotSupportedException();
}

/// <summary>How the scale of a unit is written.</summary>
enum ScaleForm
{
    /// <summary>d × a signed number.</summary>
    Numbers,

    /// <summary>d alone; the block is one unit.</summary>
    Plain,

    /// <summary>E8M0: 2^(number − 128), since the values are twice those of the format's definition.</summary>
    Exponents,

    /// <summary>UE4M3, halved for the same reason.</summary>
    Eighths,
}

/// <summary>A block of a coded format, taken apart.</summary>
ref struct CodedBlock
{
    /// <summary>One a weight.</summary>
    public Span<byte> Codes;

    /// <summary>The number of each unit's scale; signed for <see cref="ScaleForm.Numbers"/>.</summary>
    public Span<byte> Numbers;

    /// <summary>The number of each unit's minimum.</summary>
    public Span<byte> Mins;

    /// <summary>What the block's scale numbers are multiplied by.</summary>
    public float Scale;

    /// <summary>What its minima are multiplied by.</summary>
    public float Min;
}
