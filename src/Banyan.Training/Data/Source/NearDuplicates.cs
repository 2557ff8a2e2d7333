using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Banyan.Training.Data.Source;

/// <summary>
/// Finds texts that are mostly the same: MinHash over shingles of seven words (Broder 1997), candidates by 16 bands of 4,
/// a duplicate where at least 0.6 of the 64 minima agree.
/// </summary>
sealed class NearDuplicates
{
    const int Hashes = 64, Bands = 16, ShingleWords = 7;
    const double SameShare = 0.6;

    readonly List<ulong[]> _sketches = [];
    readonly Dictionary<(int Band, ulong Key), List<int>> _buckets = [];

    /// <summary>Adds the text unless a near-duplicate was added before. Returns whether it was added.</summary>
    public bool TryAdd(string text)
    {
        var sketch = Sketch(text);
        var keys = new ulong[Bands];
        for (var band = 0; band < Bands; band++)
        {
            ulong key = 0;
            for (var row = 0; row < Hashes / Bands; row++)
                key = Mix(key ^ sketch[band * (Hashes / Bands) + row]);
            keys[band] = key;
            foreach (var other in _buckets.GetValueOrDefault((band, key), []))
                if (sketch.Zip(_sketches[other]).Count(pair => pair.First == pair.Second) >= SameShare * Hashes)
                    return false;
        }
        for (var band = 0; band < Bands; band++)
        {
            if (!_buckets.TryGetValue((band, keys[band]), out var bucket))
                _buckets[(band, keys[band])] = bucket = [];
            bucket.Add(_sketches.Count);
        }
        _sketches.Add(sketch);
        return true;
    }

    /// <summary>The hashes of every run of seven words in the text, ignoring what separates the words.</summary>
    public static IEnumerable<ulong> Shingles(string text)
    {
        var window = new ulong[ShingleWords];
        var (count, at) = (0, 0);
        while (at < text.Length)
        {
            var end = at;
            while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
                end++;
            if (end == at)
            {
                at++;
                continue;
            }
            window[count++ % ShingleWords] = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(text.AsSpan(at, end - at)));
            at = end;
            if (count >= ShingleWords)
            {
                ulong hash = 0;
                for (var i = 0; i < ShingleWords; i++)
                    hash = Mix(hash ^ window[(count + i) % ShingleWords]);
                yield return hash;
            }
        }
    }

    static ulong[] Sketch(string text)
    {
        var minima = new ulong[Hashes];
        Array.Fill(minima, ulong.MaxValue);
        var any = false;
        foreach (var shingle in Shingles(text))
        {
            any = true;
            ulong low = shingle, step = Mix(shingle + 1) | 1;
            for (var i = 0; i < Hashes; i++)
            {
                low += step; // double hashing: 64 hashes from two
                minima[i] = Math.Min(minima[i], low ^ (low >> 29));
            }
        }
        // Fewer words than a shingle has: such texts are the same only where they are equal.
        return any ? minima
            : [.. Enumerable.Range(0, Hashes).Select(i => Mix(XxHash3.HashToUInt64(MemoryMarshal.AsBytes(text.AsSpan())) + (ulong)i))];
    }

    static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
