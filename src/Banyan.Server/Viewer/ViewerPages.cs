using System.Diagnostics;
using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;
using Banyan.Server.Viewer.Text;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Viewer;

/// <summary>
/// <c>/{id}/viewer/{rev}/{path}</c>: a file as a table; <c>/{id}/cell/{rev}/{path}</c>: a picture or sound of one of its cells.
/// </summary>
sealed class ViewerPages(Revisions revisions, RepoTree tree, FileViewer viewer)
{
    /// <summary>The longest text of a cell among others.</summary>
    public const int MaxText = 240;

    const int PageRows = 50, MaxWhole = 50_000, MaxFiles = 300, MaxListed = 5000, MaxAsked = 200, Batch = 1024, SearchedText =
        4096, MaxMedia = 16 << 20;

    const long MostCounted = 128 << 20, Reserve = 96 << 20;

    static readonly TimeSpan s_mostSearched = TimeSpan.FromSeconds(2);

    public async Task ViewAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        var revision = await revisions.GetAsync(repo, name.Length == 0 ? name = repo.DefaultBranch : name, cancellationToken);
        if (await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is not { } entry)
            throw HubException.EntryNotFound(path, revision.Id.ToString());
        context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        var files = await FilesAsync(repo, revision, cancellationToken);
        if (entry.IsFolder)
        {
            if (files.FirstOrDefault(f => path.Length == 0 || f.StartsWith(path + "/", StringComparison.Ordinal)) is { } first)
                context.Response.Redirect($"/{repo.Path}/viewer/{Uri.EscapeDataString(name)}/{Show.Escape(first)}");
            else
                await HtmlPage.RenderAsync<ViewerPage>(context,
                    new ViewerView { Head = new(repo, "data", name), Path = "", Note = context.Language()["viewer.none"] });
            return;
        }
        var view = new ViewerView { Head = new(repo, "data", name), Path = path, Files = files, Size = entry.Size };
        try
        {
            if (!FileViewer.Shows(path))
                throw new ViewerException("Parquet, CSV, TSV, JSON, JSON lines and text are shown as rows; this file is not one of them.");
            view = await viewer.WithAsync(repo.Id, entry, (table, file) => FillAsync(context, view, entry, table, file), cancellationToken);
        }
        catch (ViewerException e)
        {
            view = view with { Note = context.Language().Tell(e.Text) };
        }
        await HtmlPage.RenderAsync<ViewerPage>(context, view);
    }

    /// <summary>Files of rows, those of the root first.</summary>
    async Task<IReadOnlyList<string>> FilesAsync(Repo repo, Revision revision, CancellationToken cancellationToken)
    {
        var (files, listed) = (new List<string>(), 0);
        await foreach (var entry in tree.ListAsync(repo.Id, new RepoEntry("", GitTreeEntry.Folder, revision.Commit.Tree, 0, null),
            true, cancellationToken))
            if (++listed > MaxListed)
                break;
            else if (!entry.IsFolder && FileViewer.Shows(entry.Path))
                files.Add(entry.Path);
        // Configuration is rows last of all.
        return [.. files.OrderBy(f => f.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            || f.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)).Take(MaxFiles)];
    }

    async Task<ViewerView> FillAsync(HttpContext context, ViewerView view, RepoEntry entry, Table table, FileBytes file)
    {
        var (query, cancellationToken) = (context.Request.Query, context.RequestAborted);
        var one = long.TryParse(query["row"], NumberStyles.None, CultureInfo.InvariantCulture, out var row);
        var start = one ? row : long.TryParse(query["start"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : 0;
        if (start > long.MaxValue / 2)
            throw new ViewerException($"There is no row {start}.");
        var filter = FilterOf(query, table);
        if (table is TextTable counted)
            await counted.CountToAsync(start + PageRows, MostCounted, cancellationToken);
        if (start > 0 && start >= table.KnownRows)
            throw new ViewerException(table.Rows is { } all ? (ErrorText)$"The file has {all:N0} rows; there is no row {start}."
                : $"{table.KnownRows:N0} rows were counted so far, in {100 * (table as TextTable)?.Counted:0}% of the file: load this page again to count on to row {start}.");
        var columns = Enumerable.Range(0, Math.Min(FileViewer.MaxColumns, table.Columns.Count)).ToArray();
        var (rows, next) = one
            ? ([(row, (await table.ReadAsync(row, 1, columns, MaxWhole, cancellationToken)).FirstOrDefault() ?? [])], null)
            : filter.IsEmpty ? await PageAsync(table, start, columns, cancellationToken)
            : await SearchAsync(table, file, start, filter, columns, cancellationToken);
        var source = (long number, int column) =>
            $"/{view.Head.Repo.Path}/cell/{view.Head.RevisionPath}/{Show.Escape(view.Path)}?row={number}&column={column}";
        var (summaries, sampled) = one
            ? ([.. columns.Select(c => new ColumnSummary(table.Columns[c], "", null, null, null, null, false, []))], 0)
            : await viewer.SummariesAsync(entry, table, cancellationToken);
        return view with
        {
            Columns = summaries,
            ColumnCount = table.Columns.Count,
            Names = [.. table.Columns.Take(MaxAsked).Select(c => c.Name)],
            Sampled = sampled,
            Rows = FileViewer.Show(table, rows.Where(r => r.Item2.Length > 0), one ? MaxWhole : MaxText, source),
            RowCount = table.Rows,
            KnownRows = table.KnownRows,
            CountedPercent = table is TextTable text ? (int)(100 * text.Counted) : 100,
            Start = start,
            Next = one ? (table.Rows is { } last && row + 1 >= last ? null : row + 1) : next,
            Previous = one ? (row > 0 ? row - 1 : null) : start > 0 && filter.IsEmpty ? Math.Max(0, start - PageRows) : null,
            IsOne = one,
            Text = filter.Text,
            Column = filter.Column is { } c ? table.Columns[c].Name : null,
            Operator = filter.Operator,
            Value = filter.Value,
        };
    }

    static RowFilter FilterOf(IQueryCollection query, Table table)
    {
        var (name, text, op, value) = (query["column"].ToString(), query["q"].ToString().Trim(), query["op"].ToString(),
            query["value"].ToString());
        if (text.Length > MaxAsked || value.Length > MaxAsked)
            throw new ViewerException($"At most {MaxAsked} characters can be looked for.");
        int? column = null;
        for (var i = 0; i < table.Columns.Count && name.Length > 0 && column is null; i++)
            if (table.Columns[i].Name == name)
                column = i;
        if (name.Length > 0 && column is null)
            throw new ViewerException($"There is no column '{Cell.Cut(name, 100)}'.");
        if (op.Length > 0 && RowFilter.Operators.All(o => o.Name != op))
            throw new ViewerException(
                $"There is no comparison '{Cell.Cut(op, 100)}': {string.Join(", ", RowFilter.Operators.Select(o => o.Name))}.");
        // A form that was sent without a value asks for nothing.
        if (value.Length == 0 && op is not ("null" or "some"))
            column = null;
        return new(text, column, op.Length > 0 ? op : "has", value);
    }

    static async Task<(IEnumerable<(long, object?[])>, long?)> PageAsync(Table table, long start, int[] columns,
        CancellationToken cancellationToken)
    {
        var rows = await table.ReadAsync(start, PageRows, columns, MaxText, cancellationToken);
        var next = start + rows.Count;
        return (rows.Select((r, i) => (start + i, r)), rows.Count > 0 && (table.Rows is not { } all || next < all) ? next : null);
    }

    /// <summary>Reads rows from a place on until a page is full or the request's limit is reached; the next page continues from
    /// there.</summary>
    static async Task<(IEnumerable<(long, object?[])>, long?)> SearchAsync(Table table, FileBytes file, long start, RowFilter filter,
        int[] columns, CancellationToken cancellationToken)
    {
        var (found, clock, at) = (new List<(long, object?[])>(), Stopwatch.StartNew(), start);
        while (true)
        {
            at = table.SkipTo(at, filter);
            if (table is TextTable text)
                await text.CountToAsync(at + Batch, MostCounted / 4, cancellationToken);
            if (at >= table.KnownRows)
                return (found, table.Rows is null && at > start ? at : null);
            if (clock.Elapsed > s_mostSearched || file.Left < Reserve)
                return (found, at);
            // Where one column decides, the others are read only of rows near to one that is found.
            var looked = await table.ReadAsync(at, Batch, filter is { Text.Length: 0, Column: { } only } ? [only] : columns,
                SearchedText, cancellationToken);
            if (looked.Count == 0)
                return (found, null);
            var hits = Enumerable.Range(0, looked.Count).Where(i => filter.Holds(looked[i])).Take(PageRows - found.Count).ToArray();
            if (hits.Length > 0)
            {
                var rows = await table.ReadAsync(at + hits[0], hits[^1] - hits[0] + 1, columns, MaxText, cancellationToken);
                found.AddRange(hits.Where(h => h - hits[0] < rows.Count).Select(h => (at + h, rows[h - hits[0]])));
            }
            if (found.Count == PageRows)
                return (found, at + hits[^1] + 1);
            at += looked.Count;
        }
    }

    /// <summary>Bytes of a cell, where they are a picture or sound that a browser shows.</summary>
    public async Task CellAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        var revision = await revisions.GetAsync(repo, name, cancellationToken);
        if (await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is not { IsFolder: false } entry
            || !FileViewer.Shows(path))
            throw HubException.EntryNotFound(path, revision.Id.ToString());
        if (!long.TryParse(context.Request.Query["row"], NumberStyles.None, CultureInfo.InvariantCulture, out var row)
            || row > long.MaxValue / 2
            || !int.TryParse(context.Request.Query["column"], NumberStyles.None, CultureInfo.InvariantCulture, out var column))
            throw HubException.BadRequest("Say which cell: ?row=0&column=0.");
        CellBytes? bytes;
        try
        {
            bytes = await viewer.WithAsync(repo.Id, entry, async (table, _) =>
                column < table.Columns.Count
                ? Cell.BytesOf((await table.ReadAsync(row, 1, [column], MaxMedia, cancellationToken)).FirstOrDefault()?[column]) : null,
                cancellationToken);
        }
        catch (ViewerException e)
        {
            throw new HubException(422, null, e.Text);
        }
        if (bytes is null || CellMedia.TypeOf(bytes.Start.Span) is not { } type || bytes.Length > bytes.Start.Length)
            throw HubException.EntryNotFound($"{path}?row={row}&column={column}", revision.Id.ToString());
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        context.Response.Headers.CacheControl = "private, max-age=300";
        context.Response.Headers.ContentDisposition = "inline";
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.BodyWriter.WriteAsync(bytes.Start, cancellationToken);
    }
}
