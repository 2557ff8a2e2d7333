using System.IO.Hashing;

namespace Banyan.Sprout.Data;

/// <summary>
/// Finds files that are mostly the same text: MinHash over shingles of seven words (Broder 1997), candidates by 16 bands of 4,
/// a duplicate where at least 0.6 of the 64 minima agree.
/// </summary>
internal sealed class NearDuplicates
{
    private const int Hashes = 64, Bands = 16, ShingleWords = 7;
    private const double SameShare = 0.6;

    private readonly List<ulong[]> _sketches = [];
    private readonly Dictionary<(int Band, ulong Key), List<int>> _buckets = [];

    /// <summary>Adds the text unless something like it is there already; says whether it was added.</summary>
    public bool TryAdd(string text)
    {
        ulong[] sketch = Sketch(text);
        var keys = new ulong[Bands];
        for (int band = 0; band < Bands; band++)
        {
            ulong key = 0;
            for (int row = 0; row < Hashes / Bands; row++)
            {
                key = Mix(key ^ sketch[(band * (Hashes / Bands)) + row]);
            }

            keys[band] = key;
            foreach (int other in _buckets.GetValueOrDefault((band, key), []))
            {
                if (sketch.Zip(_sketches[other]).Count(pair => pair.First == pair.Second) >= SameShare * Hashes)
                {
                    return false;
                }
            }
        }

        for (int band = 0; band < Bands; band++)
        {
            if (!_buckets.TryGetValue((band, keys[band]), out var bucket))
            {
                _buckets[(band, keys[band])] = bucket = [];
            }

            bucket.Add(_sketches.Count);
        }

        _sketches.Add(sketch);
        return true;
    }

    /// <summary>The hashes of every run of seven words in the text, whatever stands between the words.</summary>
    public static IEnumerable<ulong> Shingles(string text)
    {
        var window = new ulong[ShingleWords];
        int count = 0;
        int at = 0;
        while (at < text.Length)
        {
            int end = at;
            while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
            {
                end++;
            }

            if (end == at)
            {
                at++;
                continue;
            }

            window[count++ % ShingleWords] = XxHash3.HashToUInt64(System.Runtime.InteropServices.MemoryMarshal.AsBytes(text.AsSpan(at, end - at)));
            at = end;
            if (count >= ShingleWords)
            {
                ulong hash = 0;
                for (int i = 0; i < ShingleWords; i++)
                {
                    hash = Mix(hash ^ window[(count + i) % ShingleWords]);
                }

                yield return hash;
            }
        }
    }

    private static ulong[] Sketch(string text)
    {
        var minima = new ulong[Hashes];
        Array.Fill(minima, ulong.MaxValue);
        foreach (ulong shingle in Shingles(text))
        {
            ulong low = shingle, step = Mix(shingle + 1) | 1;
            for (int i = 0; i < Hashes; i++)
            {
                low += step; // double hashing: 64 hashes from two
                ulong value = low ^ (low >> 29);
                minima[i] = Math.Min(minima[i], value);
            }
        }

        return minima;
    }

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
