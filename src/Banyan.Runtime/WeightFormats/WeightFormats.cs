using System.Diagnostics.CodeAnalysis;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.WeightFormats;

// The table. A new format is one file and one row here.
public abstract partial class WeightFormat
{
    /// <summary>32-bit floats.</summary>
    public static WeightFormat F32 { get; } = new F32Format();

    /// <summary>IEEE half floats.</summary>
    public static WeightFormat F16 { get; } = new F16Format();

    /// <summary>The upper half of 32-bit floats.</summary>
    public static WeightFormat BF16 { get; } = new BF16Format();

    /// <summary>4 bits around zero, one scale for 32 weights.</summary>
    public static WeightFormat Q4_0 { get; } = new Q4_0Format();

    /// <summary>5 bits around zero, one scale for 32 weights.</summary>
    public static WeightFormat Q5_0 { get; } = new Q5_0Format();

    /// <summary>8 bits around zero, one scale for 32 weights.</summary>
    public static WeightFormat Q8_0 { get; } = new Q8_0Format();

    /// <summary>4 bits above a minimum, a 6-bit scale and minimum for each 32 of 256 weights.</summary>
    public static WeightFormat Q4_K { get; } = new Q4_KFormat();

    /// <summary>5 bits above a minimum, a 6-bit scale and minimum for each 32 of 256 weights.</summary>
    public static WeightFormat Q5_K { get; } = new Q5_KFormat();

    /// <summary>6 bits around zero, an 8-bit scale for each 16 of 256 weights.</summary>
    public static WeightFormat Q6_K { get; } = new Q6_KFormat();

    /// <summary>4 bits above a minimum, one scale and minimum for 32 weights.</summary>
    public static WeightFormat Q4_1 { get; } = new Q4_1Format();

    /// <summary>5 bits above a minimum, one scale and minimum for 32 weights.</summary>
    public static WeightFormat Q5_1 { get; } = new Q5_1Format();

    /// <summary>All formats that can be read and computed with.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K,
        new CodedFormat<Q2_K>(), new CodedFormat<Q3_K>(), new CodedFormat<IQ4_NL>(), new CodedFormat<IQ4_XS>(), new CodedFormat<IQ3_S>(),
        new CodedFormat<IQ3_XXS>(), new CodedFormat<IQ2_S>(), new CodedFormat<IQ2_XS>(), new CodedFormat<IQ2_XXS>(),
        new CodedFormat<IQ1_M>(),
        new CodedFormat<IQ1_S>(), new CodedFormat<TQ1_0>(), new CodedFormat<TQ2_0>(), new CodedFormat<MXFP4>(), new CodedFormat<NVFP4>(),
        new CodedFormat<Q1_0>(), new CodedFormat<Q2_0>(),
    ];

    /// <summary>FP8 of safetensors, with a scale for 32 weights.</summary>
    internal static WeightFormat F8 { get; } = new ByteFormat("F8_E4M3", ByteFormat.E4M3Values, isFloat: true);

    /// <summary>Whole numbers of up to 8 bits of safetensors, with a scale and a zero for 32 weights.</summary>
    internal static WeightFormat I8 { get; } = new ByteFormat("I8", ByteFormat.Numbers, isFloat: false);

    /// <summary>What no file has as it is: safetensors are brought into them when they are read.</summary>
    internal static IReadOnlyList<WeightFormat> Made { get; } = [F8, I8, new CodedFormat<G4>()];

    /// <summary>The formats that PyTorch has too: those in which safetensors are written.</summary>
    internal static IReadOnlyList<WeightFormat> Torch { get; } = [.. All.Where(f => f.TorchType is not null)];

    /// <summary>Their names, for messages.</summary>
    internal static string TorchNames => string.Join(", ", Torch);

    /// <summary>The format of floats that safetensors call by this dtype, or null.</summary>
    internal static WeightFormat? OfNumbers(string dtype) => All.Concat(Made).FirstOrDefault(f => f.NumberBytes > 0 && f.Name == dtype);

    /// <summary>The format of <typeparamref name="TCodes"/>.</summary>
    internal static WeightFormat Coded<TCodes>() where TCodes : struct, ICodes => All.Concat(Made).First(f => f is CodedFormat<TCodes>);

    /// <summary>The names of <see cref="All"/>, for messages.</summary>
    internal static string Names => string.Join(", ", All);

    /// <summary>The format with this GGUF type number.</summary>
    public static bool TryGet(uint ggufType, [NotNullWhen(true)] out WeightFormat? format) =>
        (format = All.FirstOrDefault(f => f.GgufType == ggufType)) is not null;

    /// <summary>The format with this name; case is ignored.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out WeightFormat? format) =>
        (format = All.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase))) is not null;
}
