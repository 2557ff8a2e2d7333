using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Banyan.Server.Viewer.Text;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Viewer.Service;

/// <summary>
/// The API of Hugging Face's dataset viewer, on the viewer's own tables: <c>/api/datasets-server/rows?dataset=…</c>. Nothing is prepared:
/// each request reads what it needs by ranges, within the bounds of a page, and says <c>partial</c> where these ended it.
/// </summary>
sealed class DatasetService(Authoriser authoriser, Revisions revisions, Refs refs, RepoTree tree, RepoFacts facts, FileViewer viewer,
    HubAddress address)
{
    const int FirstRows = 100, MaxRows = 100, MaxSorted = 10_000,
        MaxListed = 10_000, MaxOpened = 100, MaxText = 100_000, MaxFirstText = 2000, Sampled = 2000,
        Batch = 1024;

    /// <summary>Characters that rows in an order keep until the last is read; texts are cut so that they suffice.</summary>
    const int KeptForOrder = 16 << 20;

    const long MostCounted = 64 << 20, Reserve = 96 << 20;

    /// <summary>After so much no further file is opened.</summary>
    static readonly TimeSpan s_most = TimeSpan.FromSeconds(2);

    sealed record Asked(Repo Repo, string Revision, IReadOnlyList<Split> Splits)
    {
        public string Name => Repo.FullName;

        public Stopwatch Clock { get; } = Stopwatch.StartNew();
    }

    /// <summary>The data set of a request, which the caller may read.</summary>
    async Task<Asked> AskedAsync(HttpContext context)
    {
        var cancellationToken = context.RequestAborted;
        var name = Query(context, "dataset") ?? throw HubException.Unprocessable("Say which data set: ?dataset=owner/name");
        var repo = await authoriser.RepoAsync(context, RepoType.Dataset, name, Need.Read, cancellationToken);
        if (await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is not { } head
            || await revisions.PeelAsync(repo, head, cancellationToken) is not { } revision)
            return new(repo, "", []);
        var (files, listed) = (new List<RepoEntry>(), 0);
        await foreach (var entry in tree.ListAsync(repo.Id, new RepoEntry("", GitTreeEntry.Folder, revision.Commit.Tree, 0, null), true,
            cancellationToken))
            if (++listed > MaxListed)
                break;
            else if (!entry.IsFolder && FileViewer.Shows(entry.Path))
                files.Add(entry);
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return new(repo, revision.Id.ToString(), Splits.Of((await facts.OfAsync(repo, revision, cancellationToken)).Card, files));
    }

    static string? Query(HttpContext context, string name) => context.Request.Query[name].ToString() is { Length: > 0 } text ? text : null;

    async Task<(Asked Asked, Split Split)> SplitAsync(HttpContext context)
    {
        var asked = await AskedAsync(context);
        var (config, name) = (Query(context, "config"), Query(context, "split"));
        if (config is null || name is null)
            throw HubException.Unprocessable("Say which rows: ?dataset=owner/name&config=default&split=train");
        return (asked, asked.Splits.FirstOrDefault(s => s.Config == config && s.Name == name)
            ?? throw HubException.NotFound($"The data set has no split {Cell.Cut(name, 100)} of a configuration {Cell.Cut(config, 100)}."));
    }

    static long Number(HttpContext context, string name, long otherwise, long most) => Query(context, name) is not { } text ? otherwise
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most ? number
        : throw HubException.Unprocessable($"{name}: a whole number up to {most}");

    static JsonObject Of(Asked asked, Split split) => new() { ["dataset"] = asked.Name, ["config"] = split.Config, ["split"] = split.Name };

    /// <summary><c>GET /is-valid</c></summary>
    public async Task ValidAsync(HttpContext context)
    {
        var any = (await AskedAsync(context)).Splits.Count > 0;
        await context.JsonAsync(new { preview = any, viewer = any, search = any, filter = any, statistics = any });
    }

    /// <summary><c>GET /splits</c></summary>
    public async Task SplitsAsync(HttpContext context)
    {
        var asked = await AskedAsync(context);
        await context.JsonAsync(new JsonObject
        {
            ["splits"] = new JsonArray([.. Chosen(context, asked).Select(s => Of(asked, s))]),
            ["pending"] = new JsonArray(),
            ["failed"] = new JsonArray(),
        });
    }

    static IEnumerable<Split> Chosen(HttpContext context, Asked asked) =>
        asked.Splits.Where(s => Query(context, "config") is not { } config || s.Config == config);

    /// <summary><c>GET /parquet</c>: the Parquet files that the repository has; nothing is converted.</summary>
    public async Task ParquetAsync(HttpContext context)
    {
        var asked = await AskedAsync(context);
        await context.JsonAsync(new JsonObject
        {
            ["parquet_files"] = new JsonArray([.. Chosen(context, asked).SelectMany(s => s.Files.Where(IsParquet).Select(f =>
            {
                var file = Of(asked, s);
                file["url"] = $"{address.Of(context, asked.Repo)}/resolve/{asked.Revision}/{Show.Escape(f.Path)}";
                file["filename"] = f.Path[(f.Path.LastIndexOf('/') + 1)..];
                file["size"] = f.Size;
                return file;
            }))]),
            ["pending"] = new JsonArray(),
            ["failed"] = new JsonArray(),
            ["partial"] = false,
            ["features"] = null,
        });
    }

    static bool IsParquet(RepoEntry file) => file.Path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Goes through the tables of a split until <paramref name="look"/> has enough. What the tables of a split have in common is what the
    /// first one has.
    /// </summary>
    /// <returns>Whether bounds ended it.</returns>
    async Task<bool> EachAsync(Asked asked, Split split, Func<Place, Task<bool>> look, CancellationToken cancellationToken)
    {
        var (first, columns) = (0L, (IReadOnlyList<Column>?)null);
        foreach (var (i, file) in split.Files.Index())
        {
            if (i == MaxOpened || asked.Clock.Elapsed > s_most)
                return true;
            try
            {
                var (goes, rows) = await viewer.WithAsync(asked.Repo.Id, file, async (table, bytes) =>
                {
                    columns ??= [.. table.Columns.Take(FileViewer.MaxColumns)];
                    int[] shown = [.. columns.Select(c =>
                        table.Columns.Index().FirstOrDefault(t => t.Item.Name == c.Name, (-1, null!)).Index)];
                    return (await look(new(file, table, bytes, first, columns, shown)), table.Rows);
                }, cancellationToken);
                if (!goes)
                    return false;
                if (rows is null)
                    return true;
                first += rows.Value;
            }
            catch (ViewerException e)
            {
                throw HubException.Unprocessable($"{file.Path}: {e.Text}");
            }
        }
        return false;
    }

    /// <summary>A table of a split, with the number of its first row there.</summary>
    sealed record Place(RepoEntry File, Table Table, FileBytes Bytes, long First, IReadOnlyList<Column> Columns, int[] Shown)
    {
        public async Task<List<object?[]>> ReadAsync(long row, int count, int maxText, CancellationToken cancellationToken) =>
            [.. (await Table.ReadAsync(row, count, [.. Shown.Where(s => s >= 0)], maxText, cancellationToken))
                .Select(r => Shown.Select(s => s < 0 ? null : r[s]).ToArray())];

        public Task CountAsync(long row, CancellationToken cancellationToken) =>
            Table is TextTable text ? text.CountToAsync(row, MostCounted, cancellationToken) : Task.CompletedTask;
    }

    JsonObject RowOf(HttpContext context, Asked asked, Place place, long row, object?[] cells, int maxText) =>
        Features.Row(place.Columns, place.First + row, cells, maxText, column => $"{address.Of(context, asked.Repo)}/cell/{asked.Revision}/"
            + $"{Show.Escape(place.File.Path)}?row={row}&column={place.Shown[column]}");

    /// <summary><c>GET /first-rows</c></summary>
    public async Task FirstAsync(HttpContext context)
    {
        var (asked, split) = await SplitAsync(context);
        var page = await PageAsync(context, asked, split, 0, FirstRows, MaxFirstText);
        var answer = Of(asked, split);
        answer["features"] = page.Features;
        answer["rows"] = page.Rows;
        answer["truncated"] = page.Total is null || page.Total > FirstRows;
        await context.JsonAsync(answer);
    }

    /// <summary><c>GET /rows</c></summary>
    public async Task RowsAsync(HttpContext context)
    {
        var (asked, split) = await SplitAsync(context);
        var page = await PageAsync(context, asked, split, Number(context, "offset", 0, 1L << 50),
            (int)Number(context, "length", MaxRows, MaxRows), MaxText);
        await context.JsonAsync(new JsonObject
        {
            ["features"] = page.Features,
            ["rows"] = page.Rows,
            ["num_rows_total"] = page.Total ?? page.Known,
            ["num_rows_per_page"] = MaxRows,
            ["partial"] = page.Total is null,
        });
    }

    async Task<(JsonArray Features, JsonArray Rows, long? Total, long Known)> PageAsync(HttpContext context, Asked asked, Split split,
        long offset, int length, int maxText)
    {
        var (rows, known, features, cancellationToken) = (new JsonArray(), 0L, (JsonArray?)null, context.RequestAborted);
        var cut = await EachAsync(asked, split, async place =>
        {
            var from = Math.Max(0, offset - place.First);
            await place.CountAsync(from + length, cancellationToken);
            var missing = length - rows.Count;
            var read = missing > 0 && from < place.Table.KnownRows ? await place.ReadAsync(from, missing, maxText, cancellationToken) : [];
            features ??= Features.Of(place.Columns,
                read.Count > 0 ? read : await place.ReadAsync(0, 1, maxText, cancellationToken));
            foreach (var (i, cells) in read.Index())
                rows.Add(RowOf(context, asked, place, from + i, cells, maxText));
            known = place.First + place.Table.KnownRows;
            // To its end, so that the total is known.
            await place.CountAsync(long.MaxValue / 4, cancellationToken);
            known = place.First + place.Table.KnownRows;
            return true;
        }, cancellationToken);
        return (features ?? [], rows, cut ? null : known, known);
    }

    /// <summary><c>GET /search</c> and <c>/filter</c>: rows in which a text stands, or for which a condition holds.</summary>
    public async Task FindAsync(HttpContext context, bool byText)
    {
        var (asked, split) = await SplitAsync(context);
        var text = Query(context, byText ? "query" : "where")
            ?? throw HubException.Unprocessable(byText ? "Say what to look for: &query=…" : "Say which rows: &where=\"column\">1");
        if (text.Length > MaxFirstText)
            throw HubException.Unprocessable($"At most {MaxFirstText} characters can be looked for.");
        var sorting = Query(context, "orderby");
        var (offset, length, cancellationToken) = (Number(context, "offset", 0, 1L << 50), (int)Number(context, "length", MaxRows, MaxRows),
            context.RequestAborted);
        if (sorting is not null && offset + length > MaxSorted)
            throw HubException.Unprocessable($"orderby: at most the first {MaxSorted} rows");
        var (rows, found, features, ended) = (new JsonArray(), 0L, (JsonArray?)null, false);
        RowOrder<JsonObject>? order = null;
        var maxText = MaxText;
        Func<object?[], bool>? holds = byText ? new RowFilter(text, null, "has", "").Holds : null;
        var cut = await EachAsync(asked, split, async place =>
        {
            holds ??= RowCondition.Parse(text, place.Columns);
            if (sorting is not null && order is null)
            {
                var (column, isDescending) = RowOrder.Parse(sorting, place.Columns);
                order = new(column, isDescending, (int)offset + length);
                maxText = Math.Clamp(KeptForOrder / (order.MostKept * place.Columns.Count), 100, MaxText);
            }
            for (long at = 0; ;)
            {
                await place.CountAsync(at + Batch, cancellationToken);
                var read = await place.ReadAsync(at, Batch, MaxText, cancellationToken);
                features ??= Features.Of(place.Columns, read);
                if (read.Count == 0)
                    return true;
                foreach (var (i, cells) in read.Index())
                {
                    if (holds(cells) && (found++ >= offset && rows.Count < length || order is not null))
                        if (RowOf(context, asked, place, at + i, cells, maxText) is var row && order is not null)
                            order.Add(cells, found, row);
                        else
                            rows.Add(row);
                    if (asked.Clock.Elapsed > s_most)
                        return !(ended = true);
                }
                at += read.Count;
                if (place.Bytes.Left < Reserve)
                    return !(ended = true);
            }
        }, cancellationToken);
        foreach (var row in order?.First.Skip((int)offset) ?? [])
            rows.Add(row);
        await context.JsonAsync(new JsonObject
        {
            ["features"] = features ?? [],
            ["rows"] = rows,
            ["num_rows_total"] = found,
            ["num_rows_per_page"] = MaxRows,
            ["partial"] = cut || ended,
        });
    }

    /// <summary><c>GET /statistics</c>: of the first rows, which is said where there are more.</summary>
    public async Task StatisticsAsync(HttpContext context)
    {
        var (asked, split) = await SplitAsync(context);
        var (columns, sample, total, cancellationToken) = ((IReadOnlyList<Column>)[], new List<object?[]>(), 0L, context.RequestAborted);
        var cut = await EachAsync(asked, split, async place =>
        {
            columns = place.Columns;
            await place.CountAsync(long.MaxValue / 4, cancellationToken);
            while (sample.Count < Sampled && await place.ReadAsync(sample.Count - total, Math.Min(Batch, Sampled - sample.Count),
                MaxFirstText, cancellationToken) is { Count: > 0 } read)
                sample.AddRange(read);
            total = place.First + place.Table.KnownRows;
            return true;
        }, cancellationToken);
        await context.JsonAsync(new JsonObject
        {
            ["num_examples"] = total,
            ["statistics"] = new JsonArray([.. columns.Select((c, i) => ColumnStatistics.Of(c, [.. sample.Select(r => r[i])]))]),
            ["partial"] = cut || sample.Count < total,
        });
    }

    /// <summary><c>GET /size</c> and <c>/info</c>: rows and bytes of splits, configurations and all; features.</summary>
    public async Task SizeAsync(HttpContext context, bool withInfo)
    {
        var (asked, partial, cancellationToken) = (await AskedAsync(context), false, context.RequestAborted);
        var (splits, infos) = (new List<(Split Split, long Rows, long Bytes, long Parquet, int Columns)>(), new JsonObject());
        foreach (var split in Chosen(context, asked))
        {
            var (rows, columns, features) = (0L, 0, (JsonObject?)null);
            partial |= await EachAsync(asked, split, async place =>
            {
                await place.CountAsync(long.MaxValue / 4, cancellationToken);
                (rows, columns) = (place.First + place.Table.KnownRows, place.Columns.Count);
                features ??= Features.ByName(place.Columns, await place.ReadAsync(0, 10, MaxFirstText, cancellationToken));
                return true;
            }, cancellationToken);
            var bytes = split.Files.Sum(f => f.Size);
            splits.Add((split, rows, bytes, split.Files.Where(IsParquet).Sum(f => f.Size), columns));
            var info = infos[split.Config] as JsonObject;
            if (info is null)
                infos[split.Config] = info = new()
                {
                    ["description"] = "",
                    ["citation"] = "",
                    ["homepage"] = "",
                    ["license"] = "",
                    ["features"] = features ?? [],
                    ["dataset_name"] = asked.Repo.Name,
                    ["config_name"] = split.Config,
                    ["splits"] = new JsonObject(),
                };
            info["splits"]![split.Name] = new JsonObject
            {
                ["name"] = split.Name,
                ["num_bytes"] = bytes,
                ["num_examples"] = rows,
                ["dataset_name"] = asked.Repo.Name,
            };
        }
        var answer = withInfo ? new JsonObject { ["dataset_info"] = infos } : new JsonObject { ["size"] = Sizes(asked, splits) };
        answer["pending"] = new JsonArray();
        answer["failed"] = new JsonArray();
        answer["partial"] = partial;
        await context.JsonAsync(answer);
    }

    static JsonObject Sizes(Asked asked, List<(Split Split, long Rows, long Bytes, long Parquet, int Columns)> splits)
    {
        static JsonObject Add(JsonObject to, IEnumerable<(Split Split, long Rows, long Bytes, long Parquet, int Columns)> of)
        {
            var all = of.ToArray();
            to["num_bytes_original_files"] = all.Sum(s => s.Bytes);
            to["num_bytes_parquet_files"] = all.Sum(s => s.Parquet);
            to["num_rows"] = all.Sum(s => s.Rows);
            return to;
        }
        return new()
        {
            ["dataset"] = Add(new() { ["dataset"] = asked.Name }, splits),
            ["configs"] = new JsonArray([.. splits.GroupBy(s => s.Split.Config).Select(g =>
                Add(new() { ["dataset"] = asked.Name, ["config"] = g.Key, ["num_columns"] = g.First().Columns }, g))]),
            ["splits"] = new JsonArray([.. splits.Select(s =>
            {
                var of = Of(asked, s.Split);
                of["num_columns"] = s.Columns;
                return Add(of, [s]);
            })]),
        };
    }
}
