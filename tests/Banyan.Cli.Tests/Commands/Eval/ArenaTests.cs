using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Cli.Commands.Eval;
using Banyan.Evaluation.Arena;
using Banyan.Server.Pages.Languages;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

public sealed partial class ArenaTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-arena").FullName;

    string Votes => Path.Combine(_folder, "votes.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What a model wrote, and the same cut to its first line: two entrants.</summary>
    string[] Arguments(params string[] more)
    {
        var recorded = SharedData.Path("evaluation", "recorded-1.5b", "humaneval-generated.jsonl");
        var first = Path.Combine(_folder, "first.jsonl");
        File.WriteAllLines(first, File.ReadLines(recorded).Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Select(a => JsonSerializer.Serialize(new
            {
                task_id = a.GetProperty("task_id").GetString(),
                completion = a.GetProperty("completion").GetString()!.Split('\n')[0],
            })));
        return ["eval", "arena", "--answers", $"whole={recorded}", "--answers", $"cut={first}", "--task", "humaneval", "--data",
            SharedData.Path("evaluation"), "--votes", Votes, .. more];
    }

    [Fact]
    public async Task Votes_in_the_terminal_count()
    {
        var (code, output, error) = await Tool.Run(Arguments(), "l\nmaybe\nr\ns\nt\nq\n");
        Assert.True(code == 0, error);
        Assert.Equal(3, File.ReadLines(Votes).Count());
        Assert.Contains("l, r, t, n, s or q", output);
        Assert.Contains("3 votes", output);
        var standings = await Tool.Run(["eval", "arena", "--standings", "--votes", Votes, "--json"]);
        using var json = JsonDocument.Parse(standings.Output);
        Assert.Equal(["cut", "whole"], json.RootElement.GetProperty("models").EnumerateArray()
            .Select(m => m.GetProperty("model").GetString()!).Order());
    }

    [Fact]
    public async Task Votes_in_the_browser_count_once_and_without_script()
    {
        using var process = Start(Arguments("--serve", "--port", "0"));
        try
        {
            var address = Address().Match((await process.StandardOutput.ReadLineAsync())!).Value;
            using var client = new HttpClient();
            var page = await client.GetStringAsync(address);
            Assert.DoesNotContain("<script", page);
            foreach (var style in Styles().Matches(page).Select(m => m.Groups[1].Value)) // the look of the other pages, and its own on top
                Assert.Contains("--leaf", await client.GetStringAsync(new Uri(new Uri(address), style)));
            Assert.Equal(3, Styles().Count(page));
            Assert.DoesNotContain("whole", page);
            var form = new Dictionary<string, string> { ["round"] = Round().Match(page).Groups[1].Value, ["choice"] = "left" };
            var voted = await client.PostAsync(address, new FormUrlEncodedContent(form));
            Assert.Contains("You preferred <b>", await voted.Content.ReadAsStringAsync());
            Assert.Equal(409, (int)(await client.PostAsync(address, new FormUrlEncodedContent(form))).StatusCode);
            Assert.Equal(400,
                (int)(await client.PostAsync(address, new FormUrlEncodedContent([KeyValuePair.Create("choice", "best")]))).StatusCode);
            using var foreign = new HttpRequestMessage(HttpMethod.Post, address)
            {
                Content = new FormUrlEncodedContent(form),
                Headers = { { "Origin", "https://evil.example" } }
            };
            Assert.Equal(403, (int)(await client.SendAsync(foreign)).StatusCode);
            Assert.Contains("1 vote.", await client.GetStringAsync(address + "/standings"));
            Assert.Contains("max-width", await client.GetStringAsync(address + "/arena.css"));
            Assert.Single(File.ReadLines(Votes));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task Media_are_compared_side_by_side_and_nothing_tells_whose_they_are()
    {
        foreach (var (model, picture) in new[] { ("kestrel", "newcomer-model.webp"), ("heron", "newcomer-search.webp") })
            File.Copy(Path.Combine(SharedData.Repository, "docs", picture),
                Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, model)).FullName, "1.webp"));
        var prompts = Path.Combine(_folder, "prompts.txt");
        await File.WriteAllTextAsync(prompts, "A page of a hub", TestContext.Current.CancellationToken);
        string[] arguments = ["eval", "arena", "--answers", Path.Combine(_folder, "kestrel"), "--answers", Path.Combine(_folder, "heron"),
            "--prompts", prompts, "--votes", Votes];
        var (code, _, error) = await Tool.Run(arguments, "");
        Assert.True(code == 1 && error.Contains("--serve", StringComparison.Ordinal), error);
        using var process = Start([.. arguments, "--serve", "--port", "0"]);
        try
        {
            var address = Address().Match((await process.StandardOutput.ReadLineAsync())!).Value;
            using var client = new HttpClient();
            var page = await client.GetStringAsync(address);
            var round = Round().Match(page).Groups[1].Value;
            var hashes = new Dictionary<string, string>();
            foreach (var side in new[] { "left", "right" })
            {
                Assert.Contains($"<img src=\"/arena/answer/{round}/{side}\" alt=\"", page);
                var answer = await client.GetAsync($"{address}/answer/{round}/{side}");
                Assert.Equal("image/webp", answer.Content.Headers.ContentType!.ToString());
                Assert.DoesNotContain("kestrel", $"{page}{answer.Headers}{answer.Content.Headers}");
                Assert.DoesNotContain("heron", $"{page}{answer.Headers}{answer.Content.Headers}");
                Assert.Null(answer.Content.Headers.LastModified);
                Assert.Null(answer.Headers.ETag);
                hashes[side] = Convert.ToHexStringLower(SHA256.HashData(await answer.Content.ReadAsByteArrayAsync()));
                using var part = new HttpRequestMessage(HttpMethod.Get,
                    $"{address}/answer/{round}/{side}")
                { Headers = { Range = new(0, 9) } };
                Assert.Equal(10, (await (await client.SendAsync(part)).Content.ReadAsByteArrayAsync()).Length);
            }
            Assert.NotEqual(hashes["left"], hashes["right"]);
            var voted = await client.PostAsync(address, new FormUrlEncodedContent([new("round", round), new("choice", "right")]));
            Assert.Matches("You preferred <b>(heron|kestrel)</b>", await voted.Content.ReadAsStringAsync());
            using var vote = JsonDocument.Parse(File.ReadLines(Votes).Single());
            Assert.Equal((hashes["left"], hashes["right"]),
                (vote.RootElement.GetProperty("leftHash").GetString(), vote.RootElement.GetProperty("rightHash").GetString()));
            foreach (var gone in new[] { round + "/left", round + "/middle", "0/left" })
                Assert.Equal(404, (int)(await client.GetAsync($"{address}/answer/{gone}")).StatusCode);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    [Fact]
    public void Pages_show_code_as_it_is_and_never_as_markup_in_each_language()
    {
        foreach (var language in PageLanguage.All)
        {
            var page = new ArenaPage(language);
            var text = page.Question(new("<q>", "a < b"), (Choice.Right, new("<x>", "y")))
                + page.Answers(new("r", new("<q>", ""), new("<script>"), new("&amp;")));
            Assert.DoesNotContain("<script>", text);
            Assert.Contains("&lt;script&gt;", text);
            Assert.Contains("&amp;amp;", text);
            Assert.Contains("<b>y</b>", text);
            Assert.Contains("<b>&lt;x&gt;</b>", text);
            Assert.DoesNotContain("{", text);
        }
        Assert.Contains("You preferred <b>y</b> to <b>x</b>.",
            new ArenaPage(PageLanguage.English).Question(new("q", ""), (Choice.Right, new("x", "y"))));
    }

    [Fact]
    public async Task One_model_is_no_arena()
    {
        var (code, _, error) =
            await Tool.Run(["eval", "arena", "--task", "humaneval", "--data", SharedData.Path("evaluation"), "--votes", Votes]);
        Assert.Equal(1, code);
        Assert.Contains("two models", error);
    }

    static Process Start(string[] arguments)
    {
        var start = BanyanProgram.Start(arguments);
        (start.RedirectStandardInput, start.RedirectStandardError) = (true, false);
        return Process.Start(start)!;
    }

    [GeneratedRegex(@"http://\S+/arena")]
    private static partial Regex Address();

    [GeneratedRegex("rel=\"stylesheet\" href=\"([^\"]+)\"")]
    private static partial Regex Styles();

    [GeneratedRegex("name=\"round\" value=\"([0-9a-f]+)\"")]
    private static partial Regex Round();
}
