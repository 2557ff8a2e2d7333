using System.Text;
using System.Text.Json;

namespace Banyan.Sprout.Tokens;

/// <summary>Sprout's tokenizer: ordinary tokens 0…n−1, then <see cref="SpecialTokens"/>. Text never becomes a special token here.</summary>
internal sealed class BpeTokenizer
{
    private readonly Dictionary<(int, int), (int Rank, int Id)> _ranks = [];
    private readonly Dictionary<string, ushort[]> _cache = [];
    private readonly int[] _idOfByte = new int[256];

    public BpeTokenizer(List<byte[]> vocabulary, List<(int Left, int Right)> merges)
    {
        Vocabulary = vocabulary;
        Merges = merges;
        for (int id = 0; id < 256; id++)
        {
            _idOfByte[vocabulary[id][0]] = id;
        }

        for (int rank = 0; rank < merges.Count; rank++)
        {
            _ranks[merges[rank]] = (rank, 256 + rank);
        }
    }

    public List<byte[]> Vocabulary { get; }

    public List<(int Left, int Right)> Merges { get; }

    public int Size => Vocabulary.Count + SpecialTokens.All.Length;

    public ushort IdOf(string special) => (ushort)(Vocabulary.Count + Array.IndexOf(SpecialTokens.All, special));

    /// <summary>A token as vocabularies write it: a special token's name, or its bytes in <see cref="ByteAlphabet"/>.</summary>
    public string Written(int id) =>
        id < Vocabulary.Count ? ByteAlphabet.Write(Vocabulary[id]) : SpecialTokens.All[id - Vocabulary.Count];

    public void Encode(ReadOnlySpan<char> text, List<ushort> into)
    {
        var lookup = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var match in PreTokenizer.Pieces(text))
        {
            var piece = text.Slice(match.Index, match.Length);
            if (!lookup.TryGetValue(piece, out ushort[]? ids))
            {
                ids = MergePiece(piece);
                if (_cache.Count < 2_000_000)
                {
                    lookup[piece] = ids;
                }
            }

            into.AddRange(ids);
        }
    }

    public List<ushort> Encode(string text)
    {
        var ids = new List<ushort>();
        Encode(text, ids);
        return ids;
    }

    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (int id in ids)
        {
            bytes.AddRange(id < Vocabulary.Count ? Vocabulary[id] : Encoding.UTF8.GetBytes(Written(id)));
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    public void Save(string path) =>
        File.WriteAllText(path, JsonSerializer.Serialize(Merges.Select(m => new[] { m.Left, m.Right })));

    public static BpeTokenizer Load(string path)
    {
        var vocabulary = ByteAlphabet.BytesInTokenOrder().Select(b => new[] { b }).ToList();
        var merges = new List<(int, int)>();
        foreach (int[] pair in JsonSerializer.Deserialize<int[][]>(File.ReadAllText(path))!)
        {
            merges.Add((pair[0], pair[1]));
            vocabulary.Add([.. vocabulary[pair[0]], .. vocabulary[pair[1]]]);
        }

        return new BpeTokenizer(vocabulary, merges);
    }

    private ushort[] MergePiece(ReadOnlySpan<char> piece)
    {
        var utf8 = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, utf8);
        var ids = utf8.Select(b => _idOfByte[b]).ToList();
        while (true)
        {
            int at = -1;
            var best = (Rank: int.MaxValue, Id: 0);
            for (int i = 0; i + 1 < ids.Count; i++)
            {
                if (_ranks.TryGetValue((ids[i], ids[i + 1]), out var found) && found.Rank < best.Rank)
                {
                    (at, best) = (i, found);
                }
            }

            if (at < 0)
            {
                return [.. ids.Select(id => (ushort)id)];
            }

            ids[at] = best.Id;
            ids.RemoveAt(at + 1);
        }
    }
}
