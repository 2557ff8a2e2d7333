using System.Globalization;

namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>
/// Unicode's canonical decompositions, compositions and combining classes (UAX #15), read once from an embedded table. .NET's own
/// string.Normalize does nothing in programs with invariant globalization, such as Banyan.
/// </summary>
sealed class CanonicalData
{
    const int Highest = 0x30000; // nothing above it decomposes; variation selectors there have class 0
    readonly Dictionary<int, (int First, int Second)> _decompositions = [];
    readonly Dictionary<(int First, int Second), int> _compositions = [];
    readonly byte[] _classes = new byte[Highest];
    readonly bool[] _mayChange = new bool[Highest];

    static readonly Lazy<CanonicalData> s_instance = new(() => new CanonicalData());

    public static CanonicalData Instance => s_instance.Value;

    CanonicalData()
    {
        using var stream = typeof(CanonicalData).Assembly.GetManifestResourceStream("Banyan.Runtime.canonical.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            if (line.IndexOfAny(['=', ':']) is var at and >= 0)
                ReadDecomposition(Hex(line[..at]), line[(at + 1)..].Split(' '), composes: line[at] == '=');
            else
                ReadClass(line.Split('-', ' '));
        }

        // Hangul vowels and trailing consonants may compose with what precedes them.
        Array.Fill(_mayChange, true, 0x1161, 0x1175 - 0x1161 + 1);
        Array.Fill(_mayChange, true, 0x11A8, 0x11C2 - 0x11A8 + 1);
    }

    /// <summary>Whether text that contains this character may be outside form C. False for almost everything people write.</summary>
    public bool MayChange(int codePoint) => codePoint < Highest && _mayChange[codePoint];

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public byte Class(int codePoint) => codePoint < Highest ? _classes[codePoint] : (byte)0;

    /// <summary>One step of decomposition; the second character is 0 if there is only one.</summary>
    public bool TryDecompose(int codePoint, out int first, out int second)
    {
        var found = _decompositions.TryGetValue(codePoint, out var pair);
        (first, second) = pair;
        return found;
    }

    /// <summary>The composition of two characters.</summary>
    public bool TryCompose(int first, int second, out int composed) => _compositions.TryGetValue((first, second), out composed);

    void ReadDecomposition(int composed, string[] parts, bool composes)
    {
        var (first, second) = (Hex(parts[0]), parts.Length > 1 ? Hex(parts[1]) : 0);
        _decompositions.Add(composed, (first, second));
        if (composes)
        {
            _compositions.Add((first, second), composed);
            _mayChange[second] = true;
        }
        else
        {
            _mayChange[composed] = true;
        }
    }

    void ReadClass(string[] parts)
    {
        for (var codePoint = Hex(parts[0]); codePoint <= Hex(parts[1]); codePoint++)
        {
            _classes[codePoint] = byte.Parse(parts[2], CultureInfo.InvariantCulture);
            _mayChange[codePoint] = true;
        }
    }

    static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
