using Banyan.Sprout.Data;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Training;

/// <summary>
/// Sequences in a fixed order, so that a run resumes where it stopped: every fourth holds whole fill-in-the-middle samples
/// (filled up with plain code), the others consecutive plain code. Files were shuffled when the data was prepared.
/// </summary>
internal sealed class Batches
{
    private const int PoolSize = 64;

    private readonly ushort[] _plain, _fim;
    private readonly ushort _end;
    private readonly List<ArraySegment<ushort>> _pool = [];

    public Batches(string folder, BpeTokenizer tokenizer)
    {
        _plain = TokenFile.Read(Path.Combine(folder, "plain.tokens"));
        _fim = TokenFile.Read(Path.Combine(folder, "fim.tokens"));
        _end = tokenizer.IdOf(SpecialTokens.EndOfText);
    }

    public long PlainAt { get; set; }

    public long FimAt { get; set; }

    public long Sequences { get; set; }

    public bool NextIsFim => Sequences % 4 == 3;

    /// <summary>The next sequence: <paramref name="length"/> + 1 tokens, inputs and targets one apart.</summary>
    public ushort[] Next(int length)
    {
        var sequence = new List<ushort>(length + 1);
        bool fim = NextIsFim;
        Sequences++;
        if (fim)
        {
            FillWithSamples(sequence, length + 1);
            if (sequence.Count < length + 1)
            {
                PlainAt = NextFileStart(PlainAt);
            }
        }

        int missing = length + 1 - sequence.Count;
        PlainAt = PlainAt + missing >= _plain.Length ? 0 : PlainAt;
        sequence.AddRange(_plain.AsSpan((int)PlainAt, missing));
        PlainAt += Math.Max(0, missing - 1); // the last target is the next input
        return [.. sequence];
    }

    private void FillWithSamples(List<ushort> sequence, int capacity)
    {
        while (true)
        {
            while (_pool.Count < PoolSize)
            {
                int end = Array.IndexOf(_fim, _end, (int)FimAt) + 1;
                var sample = new ArraySegment<ushort>(_fim, (int)FimAt, end - (int)FimAt);
                FimAt = end >= _fim.Length ? 0 : end;
                if (sample.Count <= capacity)
                {
                    _pool.Add(sample);
                }
            }

            int fits = _pool.FindIndex(sample => sample.Count <= capacity - sequence.Count);
            if (fits < 0)
            {
                return;
            }

            sequence.AddRange(_pool[fits]);
            _pool.RemoveAt(fits);
        }
    }

    private long NextFileStart(long from)
    {
        int end = Array.IndexOf(_plain, _end, (int)from);
        return end < 0 ? 0 : end + 1;
    }
}
