namespace Banyan.Runtime.Generation.Speculation;

/// <summary>A model's hidden states at the last tokens of a request, [<see cref="Count"/>, columns], until the prediction layer reads
/// them.</summary>
internal sealed class KnownRows(int columns)
{
    /// <summary>The maximum rows that wait.</summary>
    public const int Most = 16;

    readonly float[] _rows = new float[Most * columns];

    public int Count { get; private set; }

    /// <summary>There was no memory for the request: it is no longer followed.</summary>
    public bool IsLost { get; set; }

    public ReadOnlySpan<float> this[int row] => _rows.AsSpan(row * columns, columns);

    /// <summary>Adds a row; an empty one stands for zeros.</summary>
    public void Add(ReadOnlySpan<float> row)
    {
        var to = _rows.AsSpan(Count++ * columns, columns);
        if (row.IsEmpty)
            to.Clear();
        else
            row.CopyTo(to);
    }

    public void Clear() => Count = 0;

    /// <summary>All but the last have been read.</summary>
    public void KeepLast()
    {
        this[Count - 1].CopyTo(_rows);
        Count = 1;
    }
}
