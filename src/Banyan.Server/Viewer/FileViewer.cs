using Banyan.Server.Files;
using Banyan.Server.Hub;
using Banyan.Server.Viewer.Parquet;
using Banyan.Server.Viewer.Text;

namespace Banyan.Server.Viewer;

/// <summary>Opens files as tables. What is known about a file (footer, shape, row offsets, summaries) is cached under the content's hash,
/// within bounds. A limited number of requests read rows at a time, each a bounded number of bytes.</summary>
sealed class FileViewer(FileOpener opener)
{
    const long MostRead = 256 << 20;
    const int Readers = 2, IndexCost = 96 << 10, SampleRows = 600, SampleText = 2000, SamplePlaces = 3;

    readonly GenerationCache<string, ParquetFooter> _footers = new(16 << 20);
    readonly GenerationCache<string, (TextShape Shape, RowIndex Index)> _texts = new(16 << 20);
    readonly GenerationCache<string, (IReadOnlyList<ColumnSummary> Columns, int Rows)> _summaries = new(8 << 20);
    readonly SemaphoreSlim _readers = new(Readers);

    /// <summary>The most columns that are shown.</summary>
    public const int MaxColumns = 60;

    /// <summary>Whether a file of this name can be one of rows.</summary>
    public static bool Shows(string path) => Extension(path) is var extension && (extension == ".parquet" || TextShape.Is(extension));

    static string Extension(string path) => Path.GetExtension(path).ToLowerInvariant();

    /// <summary>Opens a file for some work, in a bounded number of works at a time.</summary>
    /// <exception cref="ViewerException">It cannot be shown as rows.</exception>
    public async Task<T> WithAsync<T>(long repo, RepoEntry entry, Func<Table, FileBytes, Task<T>> work, CancellationToken cancellationToken)
    {
        await _readers.WaitAsync(cancellationToken);
        try
        {
            var file = await opener.OpenAsync(repo, entry, MostRead, cancellationToken)
                ?? throw new ViewerException("This is a pointer to a file that was never uploaded.");
            return await work(await OpenAsync(entry, file, cancellationToken), file);
        }
        finally
        {
            _readers.Release();
        }
    }

    async Task<Table> OpenAsync(RepoEntry entry, FileBytes file, CancellationToken cancellationToken)
    {
        var key = entry.ETag + Extension(entry.Path);
        if (Extension(entry.Path) == ".parquet")
        {
            if (!_footers.TryGet(key, out var footer))
                _footers.Add(key, footer = await ParquetFooter.ReadAsync(file, cancellationToken), footer.Cost);
            return new ParquetTable(file, footer);
        }
        if (!_texts.TryGet(key, out var text))
        {
            var bytes = await file.ReadAsync(0, (int)Math.Min(TextShape.Window, file.Size), cancellationToken);
            var shape = TextShape.Of(Extension(entry.Path), bytes, bytes.Length == file.Size);
            _texts.Add(key, text = (shape, new RowIndex(shape.Kind, shape.Separator, shape.Start, file.Size)), IndexCost);
        }
        return new TextTable(file, text.Shape, text.Index);
    }

    /// <summary>What the columns hold: of the whole file where it says so, else of a sample of rows from all over it.</summary>
    /// <returns>The columns that are shown, and how many rows the sample has.</returns>
    public async Task<(IReadOnlyList<ColumnSummary> Columns, int Rows)> SummariesAsync(RepoEntry entry, Table table,
        CancellationToken cancellationToken)
    {
        var places = table.SamplePlaces(SamplePlaces);
        var key = $"{entry.ETag}{Extension(entry.Path)} {places.Count}";
        if (_summaries.TryGet(key, out var known))
            return known;
        var columns = Enumerable.Range(0, Math.Min(MaxColumns, table.Columns.Count)).ToArray();
        var summaries = new List<ColumnSummary>();
        var sampled = 0;
        // Column by column, so that one alone is in memory.
        if (table is TextTable)
        {
            var rows = new List<object?[]>();
            for (var i = 0; i < places.Count; i++)
                rows.AddRange(await table.ReadAsync(places[i], Stretch(places, i), columns, SampleText, cancellationToken));
            sampled = rows.Count;
            summaries.AddRange(columns.Select(c => ColumnSummary.Of(table.Columns[c], table.BoundsOf(c), [.. rows.Select(r => r[c])])));
        }
        else
            foreach (var column in columns)
            {
                var values = new List<object?>();
                for (var i = 0; i < places.Count; i++)
                    values.AddRange(
                        (await table.ReadAsync(places[i], Stretch(places, i), [column], SampleText,
                            cancellationToken)).Select(r => r[column]));
                sampled = values.Count;
                summaries.Add(ColumnSummary.Of(table.Columns[column], table.BoundsOf(column), values));
            }
        _summaries.Add(key, (summaries, sampled), 2000L * summaries.Count);
        return (summaries, sampled);
    }

    /// <summary>How many rows are taken at a place: no row twice.</summary>
    static int Stretch(IReadOnlyList<long> places, int i) =>
        (int)Math.Min(SampleRows / places.Count, i + 1 < places.Count ? places[i + 1] - places[i] : SampleRows);

    /// <summary>Makes rows as a page shows them.</summary>
    public static IReadOnlyList<RowView> Show(Table table, IEnumerable<(long Number, object?[] Cells)> rows, int maxText,
        Func<long, int, string>? source) =>
        [.. rows.Select(r => new RowView(r.Number,
            [.. Enumerable.Range(0, Math.Min(MaxColumns, table.Columns.Count))
                .Select(c => CellView.Of(r.Cells[c], maxText, source is null ? null : () => source(r.Number, c)))]))];

    /// <summary>The first rows of a file, or null if it is none of rows.</summary>
    public async Task<RowsView?> HeadAsync(long repo, RepoEntry entry, int count, CancellationToken cancellationToken) =>
        await WithAsync(repo, entry, async (table, _) =>
        {
            if (table is TextTable text)
                await text.CountToAsync(count, 4 << 20, cancellationToken);
            var columns = Enumerable.Range(0, Math.Min(MaxColumns, table.Columns.Count)).ToArray();
            var rows = await table.ReadAsync(0, count, columns, ViewerPages.MaxText, cancellationToken);
            return rows.Count == 0 ? null : new RowsView([.. columns.Select(c => table.Columns[c].Name)],
                Show(table, rows.Select((r, i) => ((long)i, r)), ViewerPages.MaxText, null));
        }, cancellationToken);
}
