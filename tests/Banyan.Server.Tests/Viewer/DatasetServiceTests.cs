using System.Net;
using System.Text.Json.Nodes;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Viewer;

/// <summary>The dataset viewer's API of Hugging Face, as its clients call it: same paths, same fields.</summary>
public class DatasetServiceTests(SharedHub shared)
{
    async Task<HubServer> HubAsync()
    {
        var hub = await shared.GetAsync();
        await s_once.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (s_made)
                return hub;
            await hub.CreateRepoAsync("served", "dataset");
            var parquet = await File.ReadAllBytesAsync(Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Viewer", "Data",
                "snappy-dictionary.parquet"), TestContext.Current.CancellationToken);
            await hub.UploadAsync("datasets/ana/served", parquet);
            await HubServer.JsonOf(await hub.CommitAsync("datasets/ana/served", hub.Ana, "rows", null,
                HubServer.Large("typed/train.parquet", parquet),
                HubServer.File("README.md", """
                    ---
                    configs:
                    - config_name: people
                      data_files:
                      - split: train
                        path: people/train-*.csv
                      - split: test
                        path: [people/test.jsonl]
                    - config_name: typed
                      data_dir: typed
                    ---
                    """),
                HubServer.File("people/train-0.csv", "name,age,town\nSiti,31,Jakarta\nArjun,28,Delhi\n"),
                HubServer.File("people/train-1.csv", "name,age,town\nBeatriz,44,Recife\nWei,19,\n"),
                HubServer.File("people/test.jsonl", "{\"name\": \"O'Neil\", \"age\": 7, \"tags\": [\"a\", \"b\"]}\n")));
            s_made = true;
            return hub;
        }
        finally
        {
            s_once.Release();
        }
    }

    static readonly SemaphoreSlim s_once = new(1);
    static bool s_made;

    Task<JsonNode> GetAsync(string path, string config = "people", string split = "train") =>
        AskAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}dataset=ana/served&config={config}&split={split}");

    async Task<JsonNode> AskAsync(string path) =>
        NodeOf(await HubServer.JsonOf(await (await HubAsync()).SendAsync(HttpMethod.Get, $"/api/datasets-server/{path}")));

    static JsonNode NodeOf(System.Text.Json.JsonElement json) => JsonNode.Parse(json.GetRawText())!;

    static string Names(JsonNode answer) => string.Join(' ', answer["rows"]!.AsArray().Select(r => $"{r!["row_idx"]}{r["row"]!["name"]}"));

    [Fact]
    public async Task Splits_are_those_of_the_card()
    {
        var splits = await AskAsync("splits?dataset=ana/served");
        Assert.Equal("people/train people/test typed/train",
            string.Join(' ', splits["splits"]!.AsArray().Select(s => $"{s!["config"]}/{s["split"]}")));
        Assert.Equal("""{"preview":true,"viewer":true,"search":true,"filter":true,"statistics":true}""",
            (await AskAsync("is-valid?dataset=ana/served")).ToJsonString());
    }

    [Fact]
    public async Task Rows_of_several_files_follow_each_other()
    {
        var rows = await GetAsync("rows?offset=1&length=2");
        Assert.Equal("1Arjun 2Beatriz", Names(rows));
        Assert.Equal((4, 100, false), ((int)rows["num_rows_total"]!, (int)rows["num_rows_per_page"]!, (bool)rows["partial"]!));
        Assert.Equal("""{"row_idx":1,"row":{"name":"Arjun","age":28,"town":"Delhi"},"truncated_cells":[]}""",
            rows["rows"]![0]!.ToJsonString());
        Assert.Equal("""{"feature_idx":1,"name":"age","type":{"dtype":"int64","_type":"Value"}}""", rows["features"]![1]!.ToJsonString());
        Assert.Equal("", Names(await GetAsync("rows?offset=9")));
        var first = await GetAsync("first-rows");
        Assert.Equal(("0Siti 1Arjun 2Beatriz 3Wei", false), (Names(first), (bool)first["truncated"]!));
        var nested = await GetAsync("rows", split: "test");
        Assert.Equal("""["a","b"]""", nested["rows"]![0]!["row"]!["tags"]!.ToJsonString());
        Assert.Equal("""{"feature":{"dtype":"string","_type":"Value"},"_type":"List"}""", nested["features"]![2]!["type"]!.ToJsonString());
    }

    [Theory]
    [InlineData("search?query=jakarta", "0Siti")]
    [InlineData("filter?where=\"age\">28", "0Siti 2Beatriz")]
    [InlineData("filter?where=\"age\">=28 AND NOT \"town\"='Delhi'", "0Siti 2Beatriz")]
    [InlineData("filter?where=town LIKE '%e%' OR (\"name\" IN ('Wei','x') AND age<20)", "1Arjun 2Beatriz 3Wei")]
    [InlineData("filter?where=\"age\"<>28&offset=1&length=1", "2Beatriz")]
    [InlineData("filter?where=\"age\">0&orderby=\"age\" DESC", "2Beatriz 0Siti 1Arjun 3Wei")]
    [InlineData("filter?where=\"age\">0&orderby=name", "1Arjun 2Beatriz 0Siti 3Wei")]
    [InlineData("filter?where=\"age\">20&orderby=\"age\" asc&offset=1&length=1", "0Siti")]
    [InlineData("search?query=e&orderby=\"town\" DESC", "2Beatriz 1Arjun 3Wei")]
    [InlineData("filter?where=\"name\" IS NOT NULL AND \"name\" NOT LIKE '_i%'", "1Arjun 2Beatriz 3Wei")]
    public async Task Rows_are_found(string query, string expected)
    {
        var (path, where) = (query.Split('=', 2)[0], query.Split('=', 2)[1].Split('&', 2));
        Assert.Equal(expected, Names(await GetAsync($"{path}={Uri.EscapeDataString(where[0])}{(where.Length > 1 ? "&" + where[1] : "")}")));
    }

    [Theory]
    [InlineData("\"nothing\">1")]
    [InlineData("\"age\">")]
    [InlineData("\"age\">1; DROP TABLE x")]
    [InlineData("((((((((((((((((((((((((((((((((((((((\"age\"=1))))))))))))))))))))))))))))))))))))))")]
    [InlineData("\"age\" BETWEEN 1 AND 2")]
    public async Task A_condition_that_is_not_understood_is_refused(string where) =>
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await (await HubAsync()).SendAsync(HttpMethod.Get,
            $"/api/datasets-server/filter?dataset=ana/served&config=people&split=train&where={Uri.EscapeDataString(where)}")).StatusCode);

    [Fact]
    public async Task Sizes_and_statistics_are_those_of_the_rows()
    {
        var size = (await GetAsync("size"))["size"]!;
        Assert.Equal((5, 2, 4), ((int)size["dataset"]!["num_rows"]!, size["splits"]!.AsArray().Count,
            (int)size["splits"]![0]!["num_rows"]!));
        Assert.Equal(3, (int)size["configs"]![0]!["num_columns"]!);
        var info = (await GetAsync("info"))["dataset_info"]!["people"]!;
        Assert.Equal(("int64", 4), ((string)info["features"]!["age"]!["dtype"]!, (int)info["splits"]!["train"]!["num_examples"]!));
        var statistics = await GetAsync("statistics");
        Assert.Equal((4, false), ((int)statistics["num_examples"]!, (bool)statistics["partial"]!));
        var age = statistics["statistics"]![1]!;
        Assert.Equal(("int", 19, 44, 30.5, 29.5), ((string)age["column_type"]!, (int)age["column_statistics"]!["min"]!,
            (int)age["column_statistics"]!["max"]!, (double)age["column_statistics"]!["mean"]!,
            (double)age["column_statistics"]!["median"]!));
        Assert.Equal(4, age["column_statistics"]!["histogram"]!["hist"]!.AsArray().Sum(n => (int)n!));
    }

    [Fact]
    public async Task Parquet_files_are_named_by_addresses_that_give_them()
    {
        var hub = await HubAsync();
        // datasets asks a name that it makes of HF_ENDPOINT
        var response = await hub.SendAsync(HttpMethod.Get, "/parquet?dataset=ana/served",
            headers: [("Host", $"datasets-server.localhost:{new Uri(hub.Address).Port}")]);
        var file = NodeOf(await HubServer.JsonOf(response))["parquet_files"]!.AsArray().Single()!;
        Assert.Equal(("typed", "train", "train.parquet"), ((string)file["config"]!, (string)file["split"]!, (string)file["filename"]!));
        var bytes = await (await hub.SendAsync(HttpMethod.Get, new Uri((string)file["url"]!).PathAndQuery)).Content.ReadAsByteArrayAsync(
            TestContext.Current.CancellationToken);
        Assert.Equal((int)file["size"]!, bytes.Length);
        Assert.Equal("PAR1"u8.ToArray(), bytes[..4]);
    }

    [Fact]
    public async Task What_somebody_may_not_read_is_not_shown_in_rows_either()
    {
        var hub = await HubAsync();
        await hub.CreateRepoAsync("hidden-rows", "dataset", isPrivate: true);
        await hub.CommitFilesAsync("datasets/ana/hidden-rows", hub.Ana, ("train.csv", "a\n1\n"));
        foreach (var path in (string[])["is-valid", "splits", "parquet", "first-rows", "rows", "search", "filter",
            "statistics", "size", "info"])
        {
            var address = $"/api/datasets-server/{path}?dataset=ana/hidden-rows&config=default&split=train&query=1&where=a%3D1";
            Assert.Equal(HttpStatusCode.OK, (await hub.SendAsync(HttpMethod.Get, address, hub.Ana)).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await hub.SendAsync(HttpMethod.Get, address, hub.Ben)).StatusCode);
            Assert.NotEqual(HttpStatusCode.OK, (await hub.SendAsync(HttpMethod.Get, address)).StatusCode);
        }
    }
}
