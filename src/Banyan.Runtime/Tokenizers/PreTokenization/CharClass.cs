namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// The character classes that published patterns use. One character may have several: <c>'\n'</c> is <see cref="Space"/> and
/// <see cref="Newline"/>.
/// </summary>
[Flags]
enum CharClass : ushort
{
    None = 0,

    /// <summary>\p{Lu} and \p{Lt}.</summary>
    Upper = 1 << 0,

    /// <summary>\p{Ll}.</summary>
    Lower = 1 << 1,

    /// <summary>\p{Lm} and \p{Lo}.</summary>
    Uncased = 1 << 2,

    /// <summary>\p{M}.</summary>
    Mark = 1 << 3,

    /// <summary>\p{N}.</summary>
    Number = 1 << 4,

    /// <summary>\p{P}.</summary>
    Punctuation = 1 << 5,

    /// <summary>\p{S}.</summary>
    Symbol = 1 << 6,

    /// <summary>\s: Unicode's White_Space.</summary>
    Space = 1 << 7,

    /// <summary>[\r\n].</summary>
    Newline = 1 << 8,

    /// <summary>[A-Za-z].</summary>
    AsciiLetter = 1 << 9,

    /// <summary>\p{L}.</summary>
    Letter = Upper | Lower | Uncased,
}
