using Banyan.Evaluation.Models;
using Banyan.Evaluation.Models.Http;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Tests.Models;

/// <summary>
/// The services cannot be reached from a test: a server on this machine speaks their documented format, and refuses everything else.
/// </summary>
public class ServicesTests
{
    static readonly ModelPrompt s_prompt = new(PromptKind.Chat, "Write λ.") { System = "Be brief.", Stop = ["\n```"] };

    public static TheoryData<string> Services => [.. Wire.All.Select(w => w.Service)];

    readonly List<TimeSpan> _waits = [];

    RetryPolicy Retry => new() { Wait = (time, _) => { _waits.Add(time); return Task.CompletedTask; }, Attempts = 4 };

    static Wire Find(string service) => Wire.All.Single(w => w.Service == service);

    static Reply Check(Wire wire, Received request, string text, string model = Wire.Model) =>
        wire.Problem(request) is { } problem ? new(400, $$$"""{"error":{"message":"{{{problem}}}"}}""")
        : new(200, wire.Answer(text, model));

    async Task<ModelAnswer> AskAsync(Wire wire, LoopbackServer server, SamplingSettings? sampling = null)
    {
        await using var model = wire.Open(server.Address, Retry);
        return await model.AnswerAsync(s_prompt, sampling ?? new(0.5, 0.9, 100, 7), 3, TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Are_asked_as_documented_and_understood(string service)
    {
        var wire = Find(service);
        using var server = new LoopbackServer(request => Check(wire, request, "```\nλ = 1\n```"));
        var answer = await AskAsync(wire, server);
        Assert.Equal(("```\nλ = 1\n```", Wire.Model, "stop", 11, 22),
            (answer.Text, answer.Model, answer.Finish, answer.PromptTokens, answer.AnswerTokens));
        var body = Assert.Single(server.Requests).Body;
        Assert.Contains("Be brief.", body);
        Assert.DoesNotContain(Wire.Key, server.Requests[0].Path);
        if (service != "anthropic") // has no seed
            Assert.Contains("\"seed\":10", body);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Are_asked_again_when_that_may_help_and_not_before_they_say(string service)
    {
        var wire = Find(service);
        var replies = new Queue<Reply>([
            new(429, """{"error":{"message":"slow down"}}""", ("Retry-After", "7")),
            new(500, "oops"),
            new(null, []),
        ]);
        using var server = new LoopbackServer(request => replies.TryDequeue(out var reply) ? reply : Check(wire, request, "fine"));
        Assert.Equal("fine", (await AskAsync(wire, server)).Text);
        Assert.Equal(4, server.Requests.Count);
        Assert.Equal(TimeSpan.FromSeconds(7), _waits[0]);
        Assert.InRange(_waits[1].TotalSeconds, 2, 2.5);
        Assert.InRange(_waits[2].TotalSeconds, 4, 5);
        Assert.Single(server.Requests.Select(r => r.Body).Distinct());
    }

    [Theory]
    [InlineData(429, """{"error":{"message":"out","code":"insufficient_quota"}}""", "out", 1)]
    [InlineData(401, """{"error":{"message":"Incorrect API key provided: sk-secret-0123456789."}}""", "[key]", 1)]
    [InlineData(404, """[{"error":{"message":"no such model"}}]""", "no such model", 1)]
    [InlineData(503, "<html>maintenance</html>", "maintenance", 4)]
    [InlineData(302, "", "302", 1)]
    [InlineData(200, "<html>proxy</html>", "not JSON", 4)]
    [InlineData(200, "{\"choices\":[", "not JSON", 4)]
    [InlineData(200, "{}", "no ", 1)]
    [InlineData(200, "[1,2]", "no ", 1)]
    public async Task That_do_not_answer_end_in_a_message_without_the_key(int status, string body, string message, int attempts)
    {
        foreach (var wire in Wire.All)
        {
            using var server = new LoopbackServer(_ => new(status, body, ("Location", "http://127.0.0.1:1/")));
            var error = await Assert.ThrowsAsync<ModelException>(() => AskAsync(wire, server));
            Assert.Contains(message, error.Message);
            Assert.DoesNotContain(Wire.Key, error.Message);
            Assert.Equal(attempts, server.Requests.Count);
        }
    }

    [Fact]
    public async Task That_ask_for_a_long_wait_are_not_waited_for()
    {
        using var server = new LoopbackServer(_ => new(429, "{}", ("Retry-After", "7200")));
        var error = await Assert.ThrowsAsync<ModelException>(() => AskAsync(Wire.All[0], server));
        Assert.Contains("120 minutes", error.Message);
        Assert.Empty(_waits);
    }

    /// <summary>The most tokens have a new name, which some servers take and some ask for.</summary>
    [Fact]
    public async Task The_most_tokens_go_by_the_name_that_a_service_takes()
    {
        using var server = new LoopbackServer(request => request.Body.Contains("\"max_tokens\"", StringComparison.Ordinal)
            ? new(400,
                """{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}""")
            : new(200, Wire.All[0].Answer("fine", Wire.Model)));
        await using var model = new OpenAiModel(new(server.Address + "v1"), Wire.Model, null, retry: Retry);
        for (var i = 0; i < 2; i++)
            Assert.Equal("fine", (await model.AnswerAsync(s_prompt, new(), 0, TestContext.Current.CancellationToken)).Text);
        Assert.Equal(3, server.Requests.Count);
        Assert.Contains("max_completion_tokens", server.Requests[^1].Body, StringComparison.Ordinal);
    }

    /// <summary>
    /// Reasoning models do not take a temperature: what nobody set is left out, once and for all, and said; what was set is not.
    /// </summary>
    [Fact]
    public async Task What_a_model_does_not_take_is_left_out_and_said()
    {
        using var server = new LoopbackServer(request => request.Body.Contains("\"temperature\"", StringComparison.Ordinal)
            ? new(400,
                """{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}""")
            : new(200, Wire.All[0].Answer("fine", Wire.Model)));
        await using var model = Wire.All[0].Open(server.Address, Retry);
        for (var i = 0; i < 2; i++)
        {
            var answer = await model.AnswerAsync(s_prompt, new(), 0, TestContext.Current.CancellationToken);
            Assert.Equal(("fine", "temperature 0"), (answer.Text, Assert.Single(answer.NotAccepted)));
        }
        Assert.Equal(3, server.Requests.Count);
        Assert.DoesNotContain("top_p", server.Requests[0].Body);
        Assert.Contains("'temperature'",
            (await Assert.ThrowsAsync<ModelException>(() =>
                model.AnswerAsync(s_prompt, new(Temperature: 0.8), 0, TestContext.Current.CancellationToken))).Message);
    }

    [Theory]
    [InlineData("""[{"type":"thinking","thinking":[{"type":"text","text":"hmm"}]},{"type":"text","text":"a"},{"type":"text","text":"b"}]""",
        "ab")]
    [InlineData("""[{"type":"reasoning","text":"hmm"},{"type":"output_text","text":"a"}]""", "a")]
    [InlineData("""["a","b"]""", "ab")]
    [InlineData("[]", "")]
    [InlineData("null", "")]
    [InlineData("""{"text":"a"}""", null)]
    [InlineData("""[{"type":"text","words":"a"}]""", null)]
    public async Task Content_in_parts_is_read_or_said_to_be_none(string content, string? text)
    {
        using var server =
            new LoopbackServer(_ =>
                new(200, $$"""{"model":"{{Wire.Model}}","choices":[{"message":{"role":"assistant","content":{{content}} },"finish_reason":"stop"}]}"""));
        if (text is not null)
            Assert.Equal(text, (await AskAsync(Wire.All[0], server)).Text);
        else
            Assert.Contains("content", (await Assert.ThrowsAsync<ModelException>(() => AskAsync(Wire.All[0], server))).Message);
    }

    [Theory]
    [InlineData(400, """{"error":{"message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}""", true)]
    [InlineData(400, """{"error":{"message":"Output blocked by content filtering policy","type":"invalid_request_error"}}""", true)]
    [InlineData(400, """{"error":{"message":"Content Exists Risk","type":"invalid_request_error"}}""", true)]
    [InlineData(400, """{"error":{"message":"the field content is missing"}}""", false)]
    [InlineData(401, """{"error":{"message":"content filter"}}""", false)]
    [InlineData(500, """{"error":{"message":"x","code":"content_filter"}}""", false)]
    public void Filters_are_told_from_faults(int status, string body, bool filtered) =>
        Assert.Equal(filtered,
            ServiceError.Read(status, body,
                System.Text.Json.Nodes.JsonNode.Parse(body)!["error"]!["message"]!.GetValue<string>()).IsFiltered);

    [Fact]
    public async Task An_answer_without_a_model_is_none()
    {
        using var server = new LoopbackServer(_ => new(200, """{"choices":[{"message":{"content":"x"}}]}"""));
        Assert.Contains("no model", (await Assert.ThrowsAsync<ModelException>(() => AskAsync(Wire.All[0], server))).Message);
    }

    [Fact]
    public async Task A_blocked_prompt_is_an_empty_answer()
    {
        using var server =
            new LoopbackServer(_ => new(200, """{"promptFeedback":{"blockReason":"SAFETY"},"modelVersion":"the-model-1"}"""));
        var answer = await AskAsync(Wire.All[1], server);
        Assert.Equal(("", "SAFETY"), (answer.Text, answer.Finish));
    }

    [Theory]
    [InlineData("gpt-4o", "gpt-4o-2024-08-06", true)]
    [InlineData("gpt-4o-2024-08-06", "gpt-4o-2024-08-06", true)]
    [InlineData("claude-x", "claude-x-20250514", true)]
    [InlineData("claude-x-latest", "claude-x-20250514", true)]
    [InlineData("gemini-2.5-pro", "models/gemini-2.5-pro-002", true)]
    [InlineData("gemini-2.5-pro", "gemini-3.8-flash", false)]
    [InlineData("gpt-4o", "gpt-4o-mini", false)]
    [InlineData("gpt-4o", "gpt-4o-mini-2024-07-18", false)]
    [InlineData("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", false)]
    [InlineData("gpt-4o-2024-08-06", "gpt-4o", false)]
    public void Another_model_is_told_from_a_version_of_the_same(string requested, string returned, bool same) =>
        Assert.Equal(same, ModelIdentity.Answers(requested, returned));

    [Theory]
    [InlineData("openai:gpt-4o", "OPENAI_API_KEY")]
    [InlineData("gemini:g", "GEMINI_API_KEY")]
    [InlineData("anthropic:c", "ANTHROPIC_API_KEY")]
    [InlineData("http://localhost:1/v1", "#MODEL")]
    [InlineData("openai:", "names a service and no model")]
    public void What_is_missing_is_named(string spec, string message) =>
        Assert.Contains(message,
            Assert.Throws<EvaluationException>(() =>
                ModelSpec.Open(spec, name => spec == "openai:" && name == "OPENAI_API_KEY" ? "k" : null)).Message);

    [Fact]
    public void Other_names_are_files() => Assert.Null(ModelSpec.Open("models/x.gguf", _ => null));
}
