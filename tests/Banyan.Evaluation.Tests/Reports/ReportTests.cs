using System.Text.Json.Nodes;
using Banyan.Evaluation.Reports;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Reports;

public sealed class ReportTests : IDisposable
{
    const int Items = 6;
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-report-").FullName;
    readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static TaskSource Source => new(SharedData.Path("evaluation"));

    string Report => Path.Combine(_folder, "report");

    string ReportFile => Path.Combine(Report, ReportFolder.FileName);

    /// <summary>Two models run, and reported.</summary>
    async Task<EvaluationReport> WriteAsync(Judge judge, SigningKey key)
    {
        var (recorded, canonical) = AnsweringModel.OfHumanEval();
        foreach (var model in (AnsweringModel[])[recorded, canonical])
        {
            var folder = Path.Combine(_folder, model.Name);
            using var transcript = Transcript.Open(Path.Combine(folder, "transcript.jsonl"));
            var run = await EvaluationRun.PrepareAsync(new(TaskTable.Find("humaneval"), Source) { Limit = Items }, model, judge, _token);
            RunFile.Write(await run.RunAsync(transcript, null, _token), Path.Combine(folder, "humaneval.json"));
        }
        return ReportFolder.Write(Report,
            ReportFolder.ReadRuns([Path.Combine(_folder, recorded.Name), Path.Combine(_folder, canonical.Name)]), key,
            url: "https://example.org/r");
    }

    Task<VerifiedReport> VerifyAsync(Judge judge, string? signer = null) =>
        ReportVerification.VerifyAsync(Report, _ => Task.FromResult(Source), judge, signer, null, _token);

    [Fact]
    public async Task What_was_reported_verifies_and_what_was_changed_is_named()
    {
        using var judge = await TestJudge.OpenAsync();
        var key = SigningKey.Generate();
        var report = await WriteAsync(judge, key);
        Assert.Equal(Items, report.Runs[0].ItemCount);
        Assert.Equal(1 / 3.0, report.Runs[1].PassAt1, 0.18);
        var comparison = Assert.Single(report.Comparisons);
        Assert.Equal(report.Runs[0].PassAt1 - report.Runs[1].PassAt1, comparison.Result.Difference, 1e-9);

        var verified = await VerifyAsync(judge, key.PublicKey);
        Assert.Empty(verified.Differences);
        Assert.Equal((key.PublicKey, 2 * Items), (verified.Signer, verified.Answers));

        // Indented otherwise it is the same report.
        var text = await File.ReadAllTextAsync(ReportFile, _token);
        await File.WriteAllTextAsync(ReportFile, JsonNode.Parse(text)!.ToJsonString(), _token);
        Assert.Empty((await VerifyAsync(judge)).Differences);

        // One verdict turned: the signature is none any more, and the item is named.
        var changed = JsonNode.Parse(text)!.AsObject();
        var item = changed["report"]!["runs"]![1]!["items"]!.AsArray().First(i => !i!["passed"]!.GetValue<bool>())!;
        item["passed"] = true;
        await File.WriteAllTextAsync(ReportFile, changed.ToJsonString(), _token);
        var differences = (await VerifyAsync(judge)).Differences;
        Assert.Contains(differences, d => d.StartsWith("signature:", StringComparison.Ordinal));
        Assert.Contains(differences, d => d.Contains($"[{item["id"]}].passed: true reported, false recomputed", StringComparison.Ordinal));

        // Signed anew by somebody else: the signature holds, the verdict does not, and it is not who was expected.
        await File.WriteAllTextAsync(ReportFile, SignedJson.Sign(changed["report"]!.AsObject(), SigningKey.Generate()), _token);
        differences = (await VerifyAsync(judge, key.PublicKey)).Differences;
        Assert.Contains(differences, d => d.Contains("not by " + key.PublicKey, StringComparison.Ordinal));
        Assert.Contains(differences, d => d.Contains(".passed: true reported", StringComparison.Ordinal));

        // An answer changed in the transcript.
        await File.WriteAllTextAsync(ReportFile, text, _token);
        var transcript = Path.Combine(Report, "transcripts", "every-third.jsonl");
        await File.WriteAllTextAsync(transcript,
            (await File.ReadAllTextAsync(transcript, _token)).Replace("return None", "return 1", StringComparison.Ordinal), _token);
        differences = (await VerifyAsync(judge)).Differences;
        Assert.Contains(differences, d => d.Contains("transcripts/every-third.jsonl: its SHA-256", StringComparison.Ordinal));
        Assert.Contains(differences, d => d.Contains(".answerHash: ", StringComparison.Ordinal));

        // A number changed on the page that people read; and one of the hub's files.
        await File.WriteAllTextAsync(transcript,
            (await File.ReadAllTextAsync(transcript, _token)).Replace("return 1", "return None", StringComparison.Ordinal), _token);
        Assert.Empty((await VerifyAsync(judge)).Differences);
        foreach (var page in (string[])["index.html", Path.Combine("models", "every-third", "model-index.yaml")])
        {
            var path = Path.Combine(Report, page);
            var shown = await File.ReadAllTextAsync(path, _token);
            await File.WriteAllTextAsync(path, shown + " ", _token);
            Assert.Contains(page.Replace('\\', '/') + ": its SHA-256", Assert.Single((await VerifyAsync(judge)).Differences));
            await File.WriteAllTextAsync(path, shown, _token);
        }

        File.Delete(transcript);
        Assert.Contains((await VerifyAsync(judge)).Differences, d => d.Contains("every-third.jsonl: not there", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_page_loads_nothing_and_shows_answers_as_text()
    {
        using var judge = await TestJudge.OpenAsync();
        await WriteAsync(judge, SigningKey.Generate());
        var html = await File.ReadAllTextAsync(Path.Combine(Report, "index.html"), _token);
        foreach (var loaded in (string[])["<script", "src=", "<link", "@import", "url("])
            Assert.DoesNotContain(loaded, html);
        Assert.DoesNotContain("<b>&\n", html);
        Assert.Contains("# &lt;b&gt;&amp;", html);
        Assert.Equal(2 * Items, html.Split("<i ").Length - 1 + html.Split("<i>").Length - 1);
        Assert.Contains("fp_1", html);
    }

    /// <summary>On a phone a row of numbers is a card without the table's head: each number says itself what it is.</summary>
    [Fact]
    public async Task On_a_phone_every_number_has_its_name()
    {
        using var judge = await TestJudge.OpenAsync();
        await WriteAsync(judge, SigningKey.Generate());
        var html = await File.ReadAllTextAsync(Path.Combine(Report, "index.html"), _token);
        var cards = html.Split("<table class=\"cards\">")[1..].Select(t => t[..t.IndexOf("</table>", StringComparison.Ordinal)]).ToList();
        Assert.Equal(2, cards.Count);
        foreach (var table in cards)
        {
            var (head, rows) = (table[..table.IndexOf("</tr>", StringComparison.Ordinal)], table.Split("<tr")[2..]);
            var names = head.Split("<th")[1..].Select(h => h[(h.IndexOf('>', StringComparison.Ordinal) + 1)..].Split('<')[0]).ToList();
            foreach (var cell in rows.SelectMany(r => r.Split("<td")[1..])
                .Where(c => c.StartsWith(" class=\"n\"", StringComparison.Ordinal)
                    || c.StartsWith(" class=\"i\"", StringComparison.Ordinal)))
                Assert.Contains(cell.Split("data-l=\"")[1].Split('"')[0], names);
        }
        Assert.Contains("@media(max-width:640px){.cards", html);
    }

    [Fact]
    public void An_interval_of_a_share_ends_at_100_percent()
    {
        var items = Enumerable.Range(0, 20).Select(i => new ItemOutcome($"P/{i}", $"P/{i}", 0, i > 0, "", "", "")).ToList();
        var run =
            new ReportedRun(new()
            {
                Task = "t",
                Model = "m",
                RequestedModel = "m",
                Prompt = "chat",
                Sampling = new(),
                SamplesPerItem = 1,
                TaskItems = 20,
                Hashes = new("", "", ""),
                Items = items
            });
        Assert.Equal((0.95, 1), (run.PassAt1, run.Interval.High));
    }

    /// <summary>Two items, each 2 of 5 right; all right; none: what never varied is known no better for it.</summary>
    [Theory]
    [InlineData(2, 2, 5, 0.6)]
    [InlineData(2, 5, 5, 0.5)]
    [InlineData(10, 3, 5, 0.4)]
    [InlineData(10, 0, 1, 0.2)]
    public void Items_that_are_all_alike_leave_an_interval(int count, int right, int samples, double least)
    {
        var items = Enumerable.Range(0, count)
            .SelectMany(i => Enumerable.Range(0, samples).Select(s => new ItemOutcome($"P/{i}", $"P/{i}", s, s < right, "", "", "")))
            .ToList();
        var interval = new RunResult
        {
            Task = "t",
            Model = "m",
            RequestedModel = "m",
            Prompt = "chat",
            Sampling = new(),
            SamplesPerItem = samples,
            TaskItems = count,
            Hashes = new("", "", ""),
            Items = items
        }.Interval();
        Assert.InRange(interval.High - interval.Low, least, 1);
        Assert.True(interval.Contains(right / (double)samples) || right == samples);
    }

    /// <summary>Three equal models, one task: three pairs are looked at, and the p-values are corrected for three.</summary>
    [Fact]
    public void Pairs_of_models_are_one_family()
    {
        RunResult Run(string model, int from, int to) => new()
        {
            Task = "humaneval",
            Model = model,
            RequestedModel = model,
            Prompt = "chat",
            Sampling = new(),
            SamplesPerItem = 1,
            TaskItems = 40,
            Hashes = new("", "", ""),
            Items = [.. Enumerable.Range(0, 40)
                .Select(i => new ItemOutcome($"HumanEval/{i}", $"HumanEval/{i}", 0, i >= from && i < to, "", "", ""))],
        };
        var report = new EvaluationReport([Run("a", 0, 20), Run("b", 0, 14), Run("c", 0, 19)], []);
        var least = report.Comparisons.MinBy(c => c.Result.PValue)!.Result;
        Assert.Equal(0.03125, least.PValue, 1e-9);
        Assert.Equal(3 * 0.03125, least.AdjustedPValue, 1e-9);
        Assert.NotEqual(ComparisonVerdict.Better, least.Verdict);
    }

    [Fact]
    public async Task The_hub_finds_its_files()
    {
        using var judge = await TestJudge.OpenAsync();
        var report = await WriteAsync(judge, SigningKey.Generate());
        var yaml = await File.ReadAllTextAsync(Path.Combine(Report, "models", "every-third", ".eval_results", "humaneval.yaml"), _token);
        Assert.StartsWith(
            $"- dataset:\n    id: openai/openai_humaneval\n    task_id: openai_humaneval\n  value: {Math.Round(100 * report.Runs[1].PassAt1, 2)}\n", yaml);
        Assert.Contains("    url: \"https://example.org/r\"\n", yaml);
        Assert.Contains($"{Items} of 164 items", yaml);
        var index = await File.ReadAllTextAsync(Path.Combine(Report, "models", "every-third", "model-index.yaml"), _token);
        Assert.StartsWith("model-index:\n- name: \"every-third\"\n  results:\n  - task:\n      type: text-generation\n", index);
    }

    [Fact]
    public void What_is_no_report_or_run_is_named()
    {
        var file = Path.Combine(_folder, "x.json");
        File.WriteAllText(file, "{\"report\":{}}");
        Assert.Contains("no signed report", Assert.Throws<EvaluationException>(() => SignedJson.Read(file)).Message);
        Assert.Contains("no transcript.jsonl", Assert.Throws<EvaluationException>(() => ReportFolder.ReadRuns([file])).Message);
        Assert.Contains("there is no result", Assert.Throws<EvaluationException>(() => ReportFolder.ReadRuns([file + "y"])).Message);
    }
}
