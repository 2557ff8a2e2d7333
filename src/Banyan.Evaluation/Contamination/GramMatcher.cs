namespace Banyan.Evaluation.Contamination;

/// <summary>A place where a document contains part of an item.</summary>
readonly record struct Found(double Share, long Line);

/// <summary>
/// Follows one stream of grams through documents and keeps, for each item, the largest share of its distinct grams within a window of twice
/// its length. Memory depends only on the items, not on the documents' length.
/// </summary>
sealed class GramMatcher(GramIndex index)
{
    readonly ItemWindow?[] _windows = new ItemWindow?[index.Counts.Length];
    readonly List<int> _touched = [];
    long _position;

    /// <summary>A gram that ends at the next token of the current document.</summary>
    public void Add(ulong gram, long line)
    {
        _position++;
        foreach (var (item, number) in index.Find(gram))
        {
            var window = _windows[item] ??= new(index.Counts[item]);
            if (!window.IsTouched)
            {
                window.IsTouched = true;
                _touched.Add(item);
            }
            window.Add(number, _position, _position - index.Windows[item], line);
        }
    }

    /// <summary>Ends the document: reports the matches of each item, and resets.</summary>
    public void EndDocument(Action<int, Found> onFound)
    {
        foreach (var item in _touched)
            onFound(item, _windows[item]!.EndDocument());
        _touched.Clear();
    }

    sealed class ItemWindow(int grams)
    {
        const long Never = long.MinValue;
        readonly long[] _last = [.. Enumerable.Repeat(Never, grams)];
        readonly Queue<(long Position, int Gram, long Line)> _recent = new();
        int _distinct, _most;
        long _line;

        public bool IsTouched { get; set; }

        public void Add(int gram, long position, long leaves, long line)
        {
            while (_recent.TryPeek(out var oldest) && oldest.Position <= leaves)
            {
                _recent.Dequeue();
                if (_last[oldest.Gram] == oldest.Position)
                {
                    _last[oldest.Gram] = Never;
                    _distinct--;
                }
            }
            if (_last[gram] == Never)
                _distinct++;
            _last[gram] = position;
            _recent.Enqueue((position, gram, line));
            if (_distinct > _most)
                (_most, _line) = (_distinct, _recent.Peek().Line);
        }

        public Found EndDocument()
        {
            var found = new Found(_most / (double)grams, _line);
            foreach (var (_, gram, _) in _recent)
                _last[gram] = Never;
            _recent.Clear();
            (_distinct, _most, IsTouched) = (0, 0, false);
            return found;
        }
    }
}
