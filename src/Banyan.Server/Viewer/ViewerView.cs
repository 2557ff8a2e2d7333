using Banyan.Server.Repos;

namespace Banyan.Server.Viewer;

/// <summary>A cell as a page shows it.</summary>
/// <param name="Text">Its text, cut.</param>
/// <param name="IsNull">Whether there is no value.</param>
/// <param name="Medium">image or audio, where it is one that is shown.</param>
/// <param name="Source">Address of its bytes, where it is one.</param>
public sealed record CellView(string Text, bool IsNull, string? Medium, string? Source)
{
    internal static CellView Of(object? value, int maxText, Func<string>? source)
    {
        var type = source is not null && Cell.BytesOf(value) is { } bytes ? CellMedia.TypeOf(bytes.Start.Span) : null;
        return new(value is null ? "" : Cell.Text(value, maxText), value is null, type?.Split('/')[0], type is null ? null : source!());
    }
}

/// <summary>A row.</summary>
/// <param name="Number">Counted from 0.</param>
/// <param name="Cells">Its cells, of the columns that are shown.</param>
public sealed record RowView(long Number, IReadOnlyList<CellView> Cells);

/// <summary>Rows under the names of their columns.</summary>
public sealed record RowsView(IReadOnlyList<string> Columns, IReadOnlyList<RowView> Rows);

/// <summary>A file as a table.</summary>
public sealed record ViewerView
{
    public required RepoHeadView Head { get; init; }

    /// <summary>The file; empty if no file has rows.</summary>
    public required string Path { get; init; }

    /// <summary>The revision's files that have rows.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Why nothing is shown, or null.</summary>
    public string? Note { get; init; }

    /// <summary>Bytes of the file.</summary>
    public long Size { get; init; }

    public IReadOnlyList<ColumnSummary> Columns { get; init; } = [];

    /// <summary>How many columns there are; not all of very many are shown.</summary>
    public int ColumnCount { get; init; }

    /// <summary>Names of all columns, for the filter.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>How many rows the summaries were made of.</summary>
    public int Sampled { get; init; }

    public IReadOnlyList<RowView> Rows { get; init; } = [];

    /// <summary>How many rows the file has, or null if it is not counted to its end.</summary>
    public long? RowCount { get; init; }

    /// <summary>Rows that were counted.</summary>
    public long KnownRows { get; init; }

    /// <summary>Which part of the file was counted, in hundredths.</summary>
    public int CountedPercent { get; init; } = 100;

    /// <summary>The first row that is shown or looked at.</summary>
    public long Start { get; init; }

    /// <summary>The row that follows those, or null at the end.</summary>
    public long? Next { get; init; }

    /// <summary>The first row of the page before, or null.</summary>
    public long? Previous { get; init; }

    /// <summary>Whether one row is shown as a whole.</summary>
    public bool IsOne { get; init; }

    public string Text { get; init; } = "";

    public string? Column { get; init; }

    public string Operator { get; init; } = "has";

    public string Value { get; init; } = "";

    /// <summary>Whether rows are left out.</summary>
    public bool IsFiltered => Text.Length > 0 || Column is not null;

    /// <summary>Address of this page from a row on, with the filter.</summary>
    public string At(long start)
    {
        var query = new List<string>();
        if (start > 0)
            query.Add($"start={start}");
        if (Text.Length > 0)
            query.Add($"q={Uri.EscapeDataString(Text)}");
        if (Column is not null)
            query.Add($"column={Uri.EscapeDataString(Column)}&op={Operator}&value={Uri.EscapeDataString(Value)}");
        return Address + (query.Count > 0 ? "?" + string.Join('&', query) : "");
    }

    /// <summary>Address of this page.</summary>
    public string Address => $"/{Head.Repo.Path}/viewer/{Head.RevisionPath}/{Pages.Show.Escape(Path)}";
}
