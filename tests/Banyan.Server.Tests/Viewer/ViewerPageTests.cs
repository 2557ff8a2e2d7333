using System.Net;
using System.Text.RegularExpressions;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Viewer;

/// <summary>Files as tables on pages, and pictures and sound of their cells.</summary>
public partial class ViewerPageTests(SharedHub shared)
{
    const string Viewer = "/datasets/ana/rows/viewer/main";

    [Theory]
    [InlineData("/data/media.parquet", "<span>4 rows</span>")]
    [InlineData("/data/media.parquet", "<img src=\"/datasets/ana/rows/cell/main/data/media.parquet?row=0&amp;column=0\"")]
    [InlineData("/data/media.parquet",
        "<audio controls preload=\"none\" src=\"/datasets/ana/rows/cell/main/data/media.parquet?row=1&amp;column=0\"")]
    [InlineData("/data/media.parquet", "&lt;script&gt;alert(1)&lt;/script&gt;")]
    [InlineData("/data/cut.parquet", "does not end with PAR1")]
    [InlineData("/lines.jsonl", "<span>120 rows</span>")]
    [InlineData("/lines.jsonl", "href=\"/datasets/ana/rows/viewer/main/lines.jsonl?start=50\"")]
    [InlineData("/lines.jsonl", "aria-label=\"Values of n, 0 to 119\"")]
    [InlineData("/lines.jsonl", "<td>59.5</td>")]
    [InlineData("/lines.jsonl", "k0 <b>40</b>")]
    [InlineData("/lines.jsonl?start=100", "row 119")]
    [InlineData("/lines.jsonl?start=200", "The file has 120 rows; there is no row 200.")]
    [InlineData("/lines.jsonl?q=ROW+77", "&lt;script&gt;alert(1)")]
    [InlineData("/lines.jsonl?column=n&op=ge&value=118", "row 118")]
    [InlineData("/lines.jsonl?column=n&op=lt&value=0", "None of the rows 0 to 119 is like that")]
    [InlineData("/lines.jsonl?column=kind&op=eq&value=k1", "row 118")]
    [InlineData("/lines.jsonl?column=n&op=ne&value=0", "Go on from row 51")]
    [InlineData("/lines.jsonl?column=%3Cb%3E&op=eq&value=1", "There is no column")]
    [InlineData("/lines.jsonl?column=n&op=xx&value=1", "There is no comparison")]
    [InlineData("/lines.jsonl?row=77", "<h2>Row 77</h2>")]
    [InlineData("/lines.jsonl?start=99999999999999999999", "row 0")]
    [InlineData("/lines.jsonl?start=9223372036854775807", "There is no row")]
    public async Task A_file_is_a_table(string path, string expected)
    {
        var (status, html, response) = await shared.PageAsync(Viewer + path);
        Assert.Equal(200, status);
        Assert.Contains(expected, html);
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("unsafe-inline", response.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Fact]
    public async Task Pages_lead_through_all_rows_and_the_folder_to_its_first_file()
    {
        var (seen, path) = (new List<int>(), $"{Viewer}/lines.jsonl");
        while (path is not null)
        {
            var (_, html, _) = await shared.PageAsync(path);
            seen.AddRange(Numbers().Matches(html)
                .Select(m => int.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)));
            path = Next().Match(html) is { Success: true } next ? WebUtility.HtmlDecode(next.Groups[1].Value) : null;
        }
        Assert.Equal(Enumerable.Range(0, 120), seen);
        var hub = await shared.GetAsync();
        Assert.StartsWith("/datasets/ana/rows/viewer/main/data/cut.parquet",
            (await hub.GetAsync(Viewer)).RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Contains("There is no Parquet", (await shared.PageAsync("/ana/coder/viewer/main/src")).Html);
        Assert.Contains("All rows, filters", (await shared.PageAsync("/datasets/ana/rows/blob/main/data/media.parquet")).Html);
        Assert.Contains("does not end with PAR1", (await shared.PageAsync("/datasets/ana/rows/blob/main/data/cut.parquet")).Html);
        Assert.Equal(HttpStatusCode.NotFound, (await hub.GetAsync($"{Viewer}/none.csv")).StatusCode);
    }

    [Fact]
    public async Task Cells_are_pictures_and_sound_alone_and_run_nothing()
    {
        var hub = await shared.GetAsync();
        foreach (var (cell, type) in new[] { ("row=0&column=0", "image/png"), ("row=1&column=0", "audio/wav") })
        {
            var response = await hub.GetAsync($"/datasets/ana/rows/cell/main/data/media.parquet?{cell}");
            Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
            Assert.Equal("default-src 'none'; sandbox", response.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.InRange((await response.Content.ReadAsByteArrayAsync()).Length, 40, 100);
        }
        // A picture of the kind that can hold a script, a text, a struct without bytes, and what is not there.
        foreach (var cell in new[] { "row=2&column=0", "row=2&column=1", "row=3&column=0", "row=4&column=0", "row=0&column=2" })
            Assert.Equal(HttpStatusCode.NotFound,
                (await hub.GetAsync($"/datasets/ana/rows/cell/main/data/media.parquet?{cell}")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await hub.GetAsync("/datasets/ana/rows/cell/main/data/media.parquet?row=-1&column=x")).StatusCode);
        Assert.Equal(HttpStatusCode.UnprocessableEntity,
            (await hub.GetAsync("/datasets/ana/rows/cell/main/data/cut.parquet?row=0&column=0")).StatusCode);
    }

    [GeneratedRegex("<th scope=\"row\"><a href=\"[^\"]*row=(\\d+)\"")]
    private static partial Regex Numbers();

    [GeneratedRegex("rel=\"next\" href=\"([^\"]*)\"")]
    private static partial Regex Next();
}
