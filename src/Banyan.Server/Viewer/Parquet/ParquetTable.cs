namespace Banyan.Server.Viewer.Parquet;

/// <summary>A Parquet file as rows: of each column only the pages with the wanted rows are read.</summary>
sealed class ParquetTable(FileBytes file, ParquetFooter footer) : Table
{
    readonly ParquetNode[] _columns = [.. footer.Root.Children];

    public override IReadOnlyList<Column> Columns { get; } = [.. footer.Root.Children.Select(c => new Column(c.Name, c.TypeText))];

    public override long? Rows => footer.Rows;

    public override long KnownRows => footer.Rows;

    public override async Task<List<object?[]>> ReadAsync(long first, int count, IReadOnlyList<int>? columns, int maxText,
        CancellationToken cancellationToken)
    {
        var rows = new List<object?[]>();
        try
        {
            while (count > 0 && first < footer.Rows)
            {
                var group = GroupOf(first);
                var take = (int)Math.Min(count, group.First + group.Rows - first);
                var start = rows.Count;
                for (var i = 0; i < take; i++)
                    rows.Add(new object?[_columns.Length]);
                foreach (var column in columns ?? Enumerable.Range(0, _columns.Length))
                {
                    var leaves = new Dictionary<int, LeafRows>();
                    foreach (var leaf in _columns[column].Leaves)
                        leaves[leaf.Leaf] = await new ParquetPages(file, group.Chunks[leaf.Leaf], leaf,
                            maxText).ReadAsync(first - group.First, take, cancellationToken);
                    for (var i = 0; i < take; i++)
                        rows[start + i][column] =
                            Assemble(_columns[column],
                                leaves.ToDictionary(l => l.Key, l => (l.Value, l.Value.Starts[i], l.Value.Starts[i + 1])));
                }
                (first, count) = (first + take, count - take);
            }
            return rows;
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or EndOfStreamException or ArgumentException
            or OverflowException or IndexOutOfRangeException or ZstdSharp.ZstdException)
        {
            throw new ViewerException($"The Parquet file is damaged: {e.Message.TrimEnd('.')}.", e);
        }
    }

    RowGroup GroupOf(long row)
    {
        var (low, high) = (0, footer.Groups.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = footer.Groups[middle].First <= row ? (middle, high) : (low, middle - 1);
        }
        // Empty row groups begin where the next one does.
        while (footer.Groups[low].Rows == 0)
            low--;
        return footer.Groups[low];
    }

    /// <summary>
    /// Puts together a value of its leaves' entries, as Dremel took it apart: levels say how much of the path is there, and where a list
    /// continues.
    /// </summary>
    static object? Assemble(ParquetNode node, Dictionary<int, (LeafRows Rows, int Start, int End)> slices)
    {
        var (rows, start, end) = slices[FirstLeaf(node)];
        if (start >= end)
            return null;
        if (node.Repetition != 2)
            return node.Repetition == 1 && rows.Definitions[start] < node.MaxDefinition ? null : Present(node, slices);
        if (rows.Definitions[start] < node.MaxDefinition)
            return Array.Empty<object?>();
        var list = new List<object?>();
        // Element i of each leaf goes with element i of the others.
        var cuts = slices.ToDictionary(s => s.Key, s => Cuts(s.Value, node.MaxRepetition));
        for (var i = 0; i + 1 < cuts[FirstLeaf(node)].Count; i++)
            list.Add(
                Present(node,
                    slices.ToDictionary(s => s.Key,
                        s => cuts[s.Key] is var c && i + 1 < c.Count ? (s.Value.Rows, c[i], c[i + 1]) : (s.Value.Rows, 0, 0))));
        return list;
    }

    static List<int> Cuts((LeafRows Rows, int Start, int End) slice, int repetition)
    {
        var cuts = new List<int> { slice.Start };
        for (var i = slice.Start + 1; i < slice.End; i++)
            if (slice.Rows.Repetitions[i] <= repetition)
                cuts.Add(i);
        cuts.Add(slice.End);
        return cuts;
    }

    static object? Present(ParquetNode node, Dictionary<int, (LeafRows Rows, int Start, int End)> slices)
    {
        if (node.Leaf >= 0)
            return slices[node.Leaf] is var (rows, start, end) && start < end ? rows.Values[start] : null;
        // A list is a group around a repeated group around its element.
        if (node is { IsList: true, Children: [{ Repetition: 2 } repeated] })
            return Assemble(repeated, slices) is IReadOnlyList<object?> items && repeated is { Leaf: < 0, Children: [_] }
                ? items.Select(i => i is CellStruct { Members: [var only] } ? only.Value : i).ToArray() : Assemble(repeated, slices);
        if (node is { IsMap: true, Children: [{ Repetition: 2, Children.Count: 2 } entries] })
            return Assemble(entries, slices) is IReadOnlyList<object?> pairs
                ? new CellStruct([.. pairs.OfType<CellStruct>()
                    .Select(p => KeyValuePair.Create(Cell.Text(p.Members[0].Value, 300), p.Members[1].Value))]) : null;
        return new CellStruct([.. node.Children.Where(c => c.Leaves.Any()).Select(c =>
            KeyValuePair.Create(c.Name, Assemble(c, c.Leaves.ToDictionary(l => l.Leaf, l => slices[l.Leaf]))))]);
    }

    static int FirstLeaf(ParquetNode node) => node.Leaf >= 0 ? node.Leaf : node.Leaves.First().Leaf;

    public override ColumnBounds? BoundsOf(int column)
    {
        if (_columns[column] is not { Leaf: >= 0 and var leaf, MaxRepetition: 0 } node)
            return null;
        var nulls = footer.Groups.Any(g => g.Chunks[leaf].Nulls < 0) ? (long?)null : footer.Groups.Sum(g => g.Chunks[leaf].Nulls);
        object? least = null, most = null;
        foreach (var group in footer.Groups.Where(g => g.Rows > 0 && g.Chunks[leaf].Nulls != g.Rows))
        {
            if (Bounds(node, group) is not { } bounds)
                return new(nulls, null, null);
            least = least is null || Less(bounds.Least, least) ? bounds.Least : least;
            most = most is null || Less(most, bounds.Most) ? bounds.Most : most;
        }
        return new(nulls, least, most);
    }

    static (object Least, object Most)? Bounds(ParquetNode node, RowGroup group)
    {
        var width = node.Physical switch { Physical.Int32 or Physical.Float => 4, Physical.Int64 or Physical.Double => 8, _ => 0 };
        // Texts are ordered by bytes and may be cut: numbers and times alone are told.
        return width > 0 && group.Chunks[node.Leaf] is { Least: { } least, Most: { } most } && least.Length == width && most.Length == width
            && ParquetValue.Of(node, least, 64) is { } a && ParquetValue.Of(node, most, 64) is { } b ? (a, b) : null;
    }

    static bool Less(object a, object b) => (RowFilter.NumberOf(a), RowFilter.NumberOf(b)) is ({ } x, { } y) ? x < y
        : string.CompareOrdinal(Cell.Text(a, 64), Cell.Text(b, 64)) < 0;

    public override long SkipTo(long row, RowFilter filter)
    {
        if (filter.Column is not { } column || filter.Number is not { } asked
            || _columns[column] is not { Leaf: >= 0, MaxRepetition: 0 } node)
            return row;
        while (row < footer.Rows && GroupOf(row) is var group && Bounds(node, group) is ({ } a, { } b)
            && (RowFilter.NumberOf(a), RowFilter.NumberOf(b)) is ({ } least, { } most)
            && filter.Operator switch
            {
                "eq" => asked < least || asked > most,
                "lt" => least >= asked,
                "le" => least > asked,
                "gt" => most <= asked,
                "ge" => most < asked,
                _ => false
            })
            row = group.First + group.Rows;
        return row;
    }

    public override IReadOnlyList<long> SamplePlaces(int most)
    {
        var groups = footer.Groups.Where(g => g.Rows > 0).ToArray();
        return [.. Enumerable.Range(0, Math.Min(most, groups.Length))
            .Select(i => groups[(long)i * groups.Length / Math.Min(most, groups.Length)].First)];
    }
}
