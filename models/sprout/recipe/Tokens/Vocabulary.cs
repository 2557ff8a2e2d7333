namespace Banyan.Sprout.Tokens;

/// <summary>Sprout's vocabulary: ordinary tokens 0…n−1, then <see cref="SpecialTokens"/>.</summary>
internal sealed record Vocabulary(List<byte[]> Ordinary, List<(int Left, int Right)> Merges)
{
    public int Size => Ordinary.Count + SpecialTokens.All.Length;

    public int IdOf(string special) => Ordinary.Count + Array.IndexOf(SpecialTokens.All, special);

    /// <summary>A token as vocabularies write it: a special token's name, or its bytes in <see cref="ByteAlphabet"/>.</summary>
    public string Written(int id) =>
        id < Ordinary.Count ? ByteAlphabet.Write(Ordinary[id]) : SpecialTokens.All[id - Ordinary.Count];
}
