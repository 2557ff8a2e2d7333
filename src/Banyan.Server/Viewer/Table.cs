namespace Banyan.Server.Viewer;

/// <summary>A column: its name and the type of its values, in the file's words.</summary>
public sealed record Column(string Name, string Type);

/// <summary>What a table says of all values of a column without reading them.</summary>
/// <param name="Nulls">How many are missing, or null if it is not said.</param>
/// <param name="Least">The least, or null.</param>
/// <param name="Most">The greatest, or null.</param>
sealed record ColumnBounds(long? Nulls, object? Least, object? Most);

/// <summary>A file as rows. Both kinds read only the ranges that hold what is asked for.</summary>
abstract class Table
{
    public abstract IReadOnlyList<Column> Columns { get; }

    /// <summary>How many rows there are; null if the file was not yet counted to its end.</summary>
    public abstract long? Rows { get; }

    /// <summary>Rows known so far: all, or those up to where the file was counted.</summary>
    public abstract long KnownRows { get; }

    /// <summary>
    /// Reads rows, the first at most <paramref name="count"/> from a row on; fewer at the end of the file, or where they are too large.
    /// </summary>
    /// <param name="first">Number of the first, from 0.</param>
    /// <param name="count">How many.</param>
    /// <param name="columns">Which columns, or null for all; cells of the others are null.</param>
    /// <param name="maxText">The longest text or bytes of a cell; of a longer one its beginning is kept.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="ViewerException">The file is damaged, or a row costs more than one request may.</exception>
    public abstract Task<List<object?[]>> ReadAsync(long first, int count, IReadOnlyList<int>? columns, int maxText,
        CancellationToken cancellationToken);

    /// <summary>What the file says of a column as a whole, or null.</summary>
    public virtual ColumnBounds? BoundsOf(int column) => null;

    /// <summary>
    /// The first row at or after <paramref name="row"/> that a condition can hold for, by what the file says of its parts.
    /// </summary>
    public virtual long SkipTo(long row, RowFilter filter) => row;

    /// <summary>Where samples are taken: first rows of stretches all over the table.</summary>
    public virtual IReadOnlyList<long> SamplePlaces(int most) => [0];
}
