using Banyan.Training.Parameters;

namespace Banyan.Training.Packing;

/// <summary>The sequences of a run, epoch after epoch without end: in each epoch the items are shuffled and packed anew. A sequence follows
/// from its number alone, so a run resumes anywhere without saved state.</summary>
/// <param name="lengths">Tokens of each item, at most <paramref name="capacity"/>; 0: it is left out.</param>
/// <param name="capacity">Tokens of a sequence.</param>
/// <param name="seed">Determines the order.</param>
internal sealed class SequenceStream(int[] lengths, int capacity, ulong seed)
{
    const int MostOpen = 64; // sequences that are filled at a time

    readonly List<long> _ends = [];
    (int Epoch, int[][] Sequences) _current = (-1, []);

    /// <summary>The items of a sequence.</summary>
    public int[] this[long index]
    {
        get
        {
            var epoch = _ends.Count == 0 || index >= _ends[^1] ? _ends.Count : _ends.FindIndex(end => index < end);
            while (_ends.Count <= epoch || index >= _ends[epoch])
                epoch = index >= End(epoch) ? epoch + 1 : epoch;
            if (_current.Epoch != epoch)
                _current = (epoch, Pack(epoch));
            return _current.Sequences[index - (epoch == 0 ? 0 : _ends[epoch - 1])];
        }
    }

    /// <summary>Sequences up to the end of an epoch, which is counted from 0 on.</summary>
    public long End(int epoch)
    {
        while (_ends.Count <= epoch)
        {
            _current = (_ends.Count, Pack(_ends.Count));
            _ends.Add((_ends.Count == 0 ? 0 : _ends[^1]) + _current.Sequences.Length);
        }
        return _ends[epoch];
    }

    /// <summary>Sequences of the items in order, for evaluation.</summary>
    public static int[][] InOrder(int[] lengths, int capacity) => Pack([.. Enumerable.Range(0, lengths.Length)], lengths, capacity);

    int[][] Pack(int epoch)
    {
        int[] order = [.. Enumerable.Range(0, lengths.Length)];
        new RandomNumbers(seed, $"epoch {epoch}").Shuffle(order);
        return Pack(order, lengths, capacity);
    }

    // Each item goes to the fullest open sequence that has room for it.
    static int[][] Pack(int[] order, int[] lengths, int capacity)
    {
        var closed = new List<int[]>();
        var open = new List<(List<int> Items, int Room)>();
        foreach (var item in order)
        {
            var length = lengths[item];
            if (length == 0)
                continue;
            var best = -1;
            for (var i = 0; i < open.Count; i++)
                if (open[i].Room >= length && (best < 0 || open[i].Room < open[best].Room))
                    best = i;
            if (best < 0)
            {
                if (open.Count == MostOpen)
                    Close(Enumerable.Range(0, open.Count).MinBy(i => open[i].Room));
                best = open.Count;
                open.Add(([], capacity));
            }
            open[best].Items.Add(item);
            open[best] = (open[best].Items, open[best].Room - length);
            if (open[best].Room == 0)
                Close(best);
        }
        while (open.Count > 0)
            Close(0);
        return [.. closed];

        void Close(int i)
        {
            closed.Add([.. open[i].Items]);
            open.RemoveAt(i);
        }
    }
}
