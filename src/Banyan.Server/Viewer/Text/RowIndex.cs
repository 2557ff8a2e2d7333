namespace Banyan.Server.Viewer.Text;

/// <summary>Offsets of every n-th row of a text file: built once, as far as people have paged, and cached under the content's hash. It has
/// a bounded number of offsets: when there are more, every other one is dropped.</summary>
sealed class RowIndex(RowKind kind, byte separator, long start, long size)
{
    const int MaxPlaces = 8192, Block = 1 << 20;

    readonly SemaphoreSlim _turn = new(1);
    readonly List<long> _places = [];
    readonly long _start = start;
    RowScanner _scanner = new(kind, separator);
    long _stride = 16, _scanned = start, _count;

    /// <summary>Rows that were counted.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Whether the file was counted to its end.</summary>
    public bool IsWhole => Interlocked.Read(ref _scanned) >= size;

    /// <summary>Bytes that were counted.</summary>
    public long Scanned => Interlocked.Read(ref _scanned);

    /// <summary>Counts on until a row is known, the file ends, or the bytes of a request are spent.</summary>
    public async Task CountToAsync(long row, FileBytes file, long most, CancellationToken cancellationToken)
    {
        if (IsWhole || Count > row)
            return;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var begins = new List<int>();
            for (var left = most; _count <= row && _scanned < size && left > 0;)
            {
                var block = await file.ReadAsync(_scanned, (int)Math.Min(Block, size - _scanned), cancellationToken);
                begins.Clear();
                _scanner.Scan(block, begins);
                foreach (var begin in begins)
                    Add(_scanned + begin);
                Interlocked.Add(ref _scanned, block.Length);
                left -= block.Length;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    void Add(long offset)
    {
        if (_count % _stride == 0)
            lock (_places)
            {
                if (_places.Count == MaxPlaces)
                {
                    for (var i = 0; i < MaxPlaces / 2; i++)
                        _places[i] = _places[2 * i];
                    _places.RemoveRange(MaxPlaces / 2, MaxPlaces / 2);
                    _stride *= 2;
                }
                if (_count % _stride == 0)
                    _places.Add(offset);
            }
        Interlocked.Increment(ref _count);
    }

    /// <summary>A place at or before a row: the row that begins there, and its offset.</summary>
    public (long Row, long Offset) Before(long row)
    {
        lock (_places)
        {
            if (_places.Count == 0)
                return (0, _start);
            var place = (int)Math.Min(row / _stride, _places.Count - 1);
            return (place * _stride, _places[place]);
        }
    }
}
