using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Models.Http;
using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Reports;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tests.Models;
using Banyan.Evaluation.Transcripts;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Runs;

/// <summary>Whole runs: prompts, a service, a transcript, the sandbox, a result.</summary>
public sealed class EvaluationRunTests : IDisposable
{
    const int Items = 5;
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-run-").FullName;
    readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static RunPlan Plan => new(TaskTable.Find("humaneval"), new(SharedData.Path("evaluation"))) { Limit = Items, Requests = 3 };

    /// <summary>What a model would answer: to every other item the canonical solution, to the rest one that returns nothing.</summary>
    static readonly Lazy<Dictionary<string, string>> s_answers =
        new(() => JsonLines.Parse(DataFiles.ReadText(SharedData.Path("evaluation", "HumanEvalPlus-v0.1.10.jsonl.gz")), "data")
        .Select((item, i) => (Prompt: item.GetProperty("prompt").GetString()!,
            Text: i % 2 == 0 ? item.GetProperty("canonical_solution").GetString()! : "    return None\n"))
        .ToDictionary(i => i.Prompt.Trim('\n'), i => $"Here it is:\n\n```python\n{i.Prompt}{i.Text}```\nIt runs in O(n)."));

    static string AnswerTo(Received request)
    {
        var message = JsonNode.Parse(request.Body)!["messages"]!.AsArray()[^1]!["content"]!.GetValue<string>();
        return s_answers.Value.Single(a => message.Contains(a.Key, StringComparison.Ordinal)).Value;
    }

    static LoopbackServer Server(Func<int, Received, Reply?>? instead = null)
    {
        var count = 0;
        return new(request => instead?.Invoke(++count, request) ?? new(200, Wire.All[0].Answer(AnswerTo(request), Wire.Model)));
    }

    static OpenAiModel Model(LoopbackServer server) =>
        new(new(server.Address, "v1"), Wire.Model, Wire.Key, isOpenAi: true, new() { Attempts = 1, Wait = (_, _) => Task.CompletedTask });

    async Task<RunResult> RunAsync(EvaluatedModel model, string folder, RunPlan? plan = null)
    {
        using var judge = await TestJudge.OpenAsync();
        using var transcript = Transcript.Open(Path.Combine(_folder, folder, "transcript.jsonl"));
        var run = await EvaluationRun.PrepareAsync(plan ?? Plan, model, judge, _token);
        return await run.RunAsync(transcript, null, _token);
    }

    /// <summary>All but the times, which no two askings share.</summary>
    static string Timeless(RunResult result) =>
        JsonSerializer.Serialize(result with
        {
            Began = null,
            Ended = null,
            Origin = null,
            Items = [.. result.Items.Select(i => i with { Seconds = 0 })]
        });

    [Fact]
    public async Task A_run_stopped_at_any_answer_and_resumed_or_replayed_has_the_same_result()
    {
        using var steady = Server();
        await using var model = Model(steady);
        var whole = await RunAsync(model, "whole", Plan with { Requests = 1 });
        Assert.Equal(Items, whole.Items.Count);
        Assert.Equal(164, whole.TaskItems);
        Assert.Contains(whole.Items, i => i.Passed);
        Assert.Contains(whole.Items, i => !i.Passed);

        foreach (var stopAt in Sampled.Of(Enumerable.Range(1, Items), 2))
        {
            var folder = $"stopped-{stopAt}";
            using var flaky = Server((count, _) => count == stopAt ? new(400, "{}") : null);
            await using var first = Model(flaky);
            await Assert.ThrowsAsync<ModelException>(() => RunAsync(first, folder));
            // As a crash in the middle of a line leaves it.
            await File.AppendAllTextAsync(Path.Combine(_folder, folder, "transcript.jsonl"), "{\"task\":\"humaneval\",\"it", _token);
            var before = flaky.Requests.Count;
            var resumed = await RunAsync(first, folder);
            Assert.True(flaky.Requests.Count - before < Items);
            Assert.Equal(Timeless(whole), Timeless(resumed));

            await using var recorded = RecordedModel.Open(Path.Combine(_folder, folder, "transcript.jsonl"), null);
            Assert.Equal(RunFile.ToText(resumed), RunFile.ToText(await RunAsync(recorded, folder + "-again")));
        }
    }

    /// <summary>
    /// Where the prompt's template begins the thought, one that is cut off has no tag: a draft in it is no answer. The same text that ended
    /// by itself is one.
    /// </summary>
    [Theory]
    [InlineData("length", false)]
    [InlineData("stop", true)]
    public async Task A_draft_in_a_thought_that_the_prompt_began_and_that_was_cut_off_is_no_answer(string finish, bool passes)
    {
        using var server = Server((_, request) =>
        {
            var answer = AnswerTo(request);
            var isFirst = answer == s_answers.Value.First().Value;
            return new(200, isFirst ? Wire.All[0].Answer($"Let me see.\n</think>\n\n{answer}", Wire.Model)
                : Wire.All[0].Answer(answer, Wire.Model).Replace("\"stop\"", $"\"{finish}\"", StringComparison.Ordinal));
        });
        await using var model = Model(server);
        var result = await RunAsync(model, $"thought-{finish}");
        Assert.True(result.Items[0].Passed);
        Assert.Equal(passes, result.Items.Skip(1).Any(i => i.Passed));
    }

    [Fact]
    public async Task When_another_model_answers_the_run_stops_and_keeps_nothing_of_it()
    {
        using var server = Server((count, request) => count == 4 ? new(200, Wire.All[0].Answer("", "cheaper-model")) : null);
        await using var model = Model(server);
        var error = await Assert.ThrowsAsync<EvaluationException>(() => RunAsync(model, "other"));
        Assert.Contains("'cheaper-model' answered", error.Message);
        Assert.DoesNotContain(Transcript.Read(Path.Combine(_folder, "other", "transcript.jsonl")), e => e.ReturnedModel != Wire.Model);
    }

    /// <summary>The same name at two servers is two models: the second is asked, too, and the result says which answered.</summary>
    [Fact]
    public async Task A_model_of_the_same_name_elsewhere_is_another()
    {
        using var first = Server();
        using var second = Server((_, _) => new(200, Wire.All[0].Answer("I do not know.", Wire.Model)));
        await using var one = Model(first);
        await using var other = Model(second);
        var (right, wrong) = (await RunAsync(one, "same"), await RunAsync(other, "same"));
        Assert.Equal((Items, Items), (first.Requests.Count, second.Requests.Count));
        Assert.Equal(($"{first.Address}v1", $"{second.Address}v1"), (right.Origin, wrong.Origin));
        Assert.Contains(right.Items, i => i.Passed);
        Assert.DoesNotContain(wrong.Items, i => i.Passed);

        var file = Path.Combine(_folder, "same", "transcript.jsonl");
        var message = Assert.Throws<EvaluationException>(() => RecordedModel.Open(file, null)).Message;
        Assert.Contains($"{Wire.Model} at {wrong.Origin}", message);
        await using var recorded = RecordedModel.Open(file, $"{Wire.Model} at {wrong.Origin}");
        Assert.Equal(RunFile.ToText(wrong), RunFile.ToText(await RunAsync(recorded, "same-again")));
        var report = new EvaluationReport([right, wrong], []);
        Assert.Equal([$"{Wire.Model} at {right.Origin}", $"{Wire.Model} at {wrong.Origin}"], report.Subjects);
    }

    /// <summary>
    /// What a server's list says of a model is a part of its identity too: another file behind the same address and name is another model.
    /// </summary>
    [Fact]
    public async Task Another_file_behind_the_same_name_and_address_is_another_model()
    {
        var size = 1;
        using var server = new LoopbackServer(r => r.Method == "GET"
            ? new(200, $$"""{"data":[{"id":"{{Wire.Model}}","created":{{Environment.TickCount64}},"meta":{"size":{{size}} } }]}""")
            : new(200, Wire.All[0].Answer("?", Wire.Model)));
        OpenAiModel Open() => new(new(server.Address, "v1"), Wire.Model, null);
        await using var first = Open();
        await using var again = Open();
        Assert.Equal(await first.OriginAsync(_token), await again.OriginAsync(_token));
        Assert.Contains("\"size\":1", await first.OriginAsync(_token));
        size = 2;
        await using var other = Open();
        Assert.NotEqual(await first.OriginAsync(_token), await other.OriginAsync(_token));
    }

    /// <summary>
    /// An item that a filter does not let through, an answer that is empty and one that was cut off: the run goes on, and the result counts
    /// them.
    /// </summary>
    [Fact]
    public async Task What_is_no_whole_answer_is_counted()
    {
        using var server = Server((count, request) => count switch
        {
            1 => new(400,
                """{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}}"""),
            2 => new(200, Wire.All[0].Answer(" \n", Wire.Model)),
            3 => new(200, Wire.All[0].Answer("<think>\nMaybe", Wire.Model).Replace("\"stop\"", "\"length\"", StringComparison.Ordinal)),
            _ => null,
        });
        await using var model = Model(server);
        var result = await RunAsync(model, "none", Plan with { Requests = 1 });
        Assert.Equal("1 empty, 1 cut off, 1 refused", result.Endings());
        Assert.Equal([AnswerEnding.Refused, AnswerEnding.Empty, AnswerEnding.CutOff, null, null], result.Items.Select(i => i.Ending));
        Assert.Equal(Wire.Model, result.Model);
        var json = RunFile.ToJson(result)["unanswered"]!;
        Assert.Equal((1, 1, 1), ((int)json["empty"]!, (int)json["cutOff"]!, (int)json["refused"]!));
        // And again: it is not asked another time.
        Assert.Equal(RunFile.ToText(result), RunFile.ToText(await RunAsync(model, "none", Plan with { Requests = 1 })));
        Assert.Equal(Items, server.Requests.Count);
    }

    [Fact]
    public async Task When_an_alias_moves_on_during_a_run_it_stops()
    {
        using var server =
            Server((count, request) => new(200,
                Wire.All[0].Answer(AnswerTo(request), Wire.Model + (count < 3 ? "-2025-01-01" : "-2025-06-01"))));
        await using var model = Model(server);
        var error = await Assert.ThrowsAsync<EvaluationException>(() => RunAsync(model, "alias", Plan with { Requests = 1 }));
        Assert.Contains("2025-06-01", error.Message);
        Assert.Equal(2, Transcript.Read(Path.Combine(_folder, "alias", "transcript.jsonl")).Count());
    }

    [Fact]
    public async Task No_run_costs_more_than_it_may()
    {
        // An answer has 22 tokens at $1 each million, and may have 1000.
        var price = new Price(Wire.Model, new(2025, 1, 1), 1, 1);
        var plan = Plan with { Price = price, MaxCost = 0.0030m, Sampling = new(MaxTokens: 1000) };
        using var server = Server();
        await using var model = Model(server);
        var error = await Assert.ThrowsAsync<CostException>(() => RunAsync(model, "cost", plan));
        Assert.Contains("--max-cost", error.Message);
        var file = Path.Combine(_folder, "cost", "transcript.jsonl");
        Assert.True(Transcript.Read(file).Sum(e => e.Cost) <= plan.MaxCost);

        var result = await RunAsync(model, "cost", plan with { MaxCost = 1 });
        Assert.Equal(Items, server.Requests.Count);
        Assert.Equal(Items * price.Of(11, 22), result.Items.Sum(i => i.Cost));
    }

    [Fact]
    public async Task A_price_is_needed_to_bound_the_cost()
    {
        using var server = Server();
        await using var model = Model(server);
        Assert.Contains("--prices",
            (await Assert.ThrowsAsync<EvaluationException>(() => RunAsync(model, "none", Plan with { MaxCost = 1 }))).Message);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public void Prices_are_found_by_version_and_day()
    {
        var table = PriceTable.Shipped;
        Assert.Equal(2.5m, table.Find("gpt-4o-2024-08-06", table.AsOf)!.Input);
        Assert.Equal(0.15m, table.Find("gpt-4o-mini", table.AsOf)!.Input);
        Assert.Null(table.Find("gpt-4o", new(2020, 1, 1)));
        Assert.Null(table.Find("qwen2.5-coder", table.AsOf));
        // A number shown to a user says where it is from, and of when.
        Assert.All(table.Prices, p => Assert.Matches("^https://.* of .*20[0-9][0-9]", p.Source));
        Assert.All(table.Prices, p => Assert.True(p.From <= table.AsOf && p.Input > 0 && p.Output > p.Input, p.Model));
    }
}
