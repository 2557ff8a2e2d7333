using System.Globalization;

namespace Banyan.Server.Cards;

/// <summary>The header of a weights file: metadata and tensors, as many as a page shows.</summary>
/// <param name="wanted">The selected tensor, or null; it is found even if it is not among those shown.</param>
/// <param name="most">How many tensors are kept.</param>
public sealed class TensorTable(string? wanted = null, int most = TensorTable.MaxShown)
{
    const int MaxShown = 1500, MaxNotes = 300, MaxText = 300;

    // GGUF's types of tensors in ggml's order; a dot for those that are no more.
    static readonly string[] s_gguf =
        ("F32 F16 Q4_0 Q4_1 . . Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 "
        + "IQ1_M BF16 . . . TQ1_0 TQ2_0 . . . MXFP4").Split(' ');

    readonly List<Tensor> _tensors = [];
    readonly List<(string Key, string Value)> _notes = [];
    readonly SortedDictionary<string, (long Count, long Numbers)> _types = new(StringComparer.Ordinal);

    /// <summary>A tensor.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Type">Type of its numbers.</param>
    /// <param name="Shape">Lengths, the outermost first.</param>
    /// <param name="Numbers">How many numbers it has.</param>
    /// <param name="Offset">Where its bytes begin, after <see cref="Start"/>.</param>
    public sealed record Tensor(string Name, string Type, IReadOnlyList<long> Shape, long Numbers, long Offset)
    {
        /// <summary>The shape as text.</summary>
        public string ShapeText => Shape.Count == 0 ? "scalar"
            : string.Join(" × ", Shape.Select(d => d.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>The first tensors.</summary>
    public IReadOnlyList<Tensor> Tensors => _tensors;

    /// <summary>Metadata, without long lists.</summary>
    public IReadOnlyList<(string Key, string Value)> Notes => _notes;

    /// <summary>How many tensors and numbers of which type there are.</summary>
    public IReadOnlyDictionary<string, (long Count, long Numbers)> Types => _types;

    /// <summary>How many tensors there are.</summary>
    public long Count { get; private set; }

    /// <summary>How many numbers they have.</summary>
    public long Numbers { get; private set; }

    /// <summary>The offset of the tensors' bytes.</summary>
    public long Start { get; internal set; }

    /// <summary>The chat template of a GGUF file, or null.</summary>
    public string? ChatTemplate { get; internal set; }

    /// <summary>The selected tensor, or null if there is none of that name.</summary>
    public Tensor? Wanted { get; private set; }

    internal void Add(string name, string type, IReadOnlyList<long> shape, long numbers, long offset)
    {
        Count++;
        Numbers += numbers;
        var (count, sum) = _types.GetValueOrDefault(type);
        _types[type] = (count + 1, sum + numbers);
        if (_tensors.Count < most)
            _tensors.Add(new(name, type, shape, numbers, offset));
        if (name == wanted)
            Wanted ??= new(name, type, shape, numbers, offset);
    }

    internal void Note(string key, object? value)
    {
        if (_notes.Count < MaxNotes && Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text)
            _notes.Add((key, text.Length > MaxText ? text[..MaxText] + "…" : text));
    }

    internal static string GgufType(uint number) => number < s_gguf.Length && s_gguf[number] != "." ? s_gguf[number] : $"type {number}";
}
