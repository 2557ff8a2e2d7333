using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;
using Json.Schema;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>
/// Answers of a model that knows nothing of JSON, at a temperature at which it writes anything: they parse, and another validator finds
/// them valid.
/// </summary>
public class ForcedAnswerTests(ForcedAnswerTests.Loaded loaded) : IClassFixture<ForcedAnswerTests.Loaded>
{
    public sealed class Loaded : IAsyncDisposable
    {
        public Engine Engine { get; } = new(Model.Load(Reference.Path("stories260K"), new ModelOptions { Threads = 1 }));

        public async ValueTask DisposeAsync()
        {
            await Engine.DisposeAsync();
            Engine.Model.Dispose();
        }
    }

    async Task<(string Text, Generated Last)> Answer(Grammar grammar, GenerationOptions? options = null)
    {
        var (text, last) = ("", (Generated?)null);
        await foreach (var generated in loaded.Engine.GenerateAsync(loaded.Engine.Model.Tokenizer.Encode("Once"),
            (options ?? new()) with { Grammar = grammar }))
            (text, last) = (text + generated.Text, generated);
        return (text, last!);
    }

    public static TheoryData<string> Schemas =>
    [
        """{"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"type":"integer","minimum":1,"maximum":999},"ok":{"type":"boolean"}},"required":["name","age"],"additionalProperties":false}""",
        """{"type":"array","minItems":2,"maxItems":4,"items":{"anyOf":[{"type":"null"},{"enum":["a","bc",12,-0.5]},{"type":"string","pattern":"^[a-z]{1,3}$"}]}}""",
        """{"type":"object","properties":{"kind":{"enum":["x","y"]},"v":{}},"required":["kind","v"],"additionalProperties":false,"if":{"properties":{"kind":{"const":"x"}}},"then":{"properties":{"v":{"type":"boolean"}}},"else":{"properties":{"v":{"type":"array","items":{"const":0},"maxItems":2}}}}""",
        """{"type":"object","patternProperties":{"^[ab]{1,2}$":{"type":"null"}},"additionalProperties":false,"minProperties":1,"maxProperties":2}""",
        """{"type":"array","contains":{"const":7},"maxContains":1,"maxItems":3,"items":{"enum":[7,8]}}""",
        """{"type":"number","minimum":-20,"exclusiveMaximum":20.5,"multipleOf":0.25}""",
        """{"type":"string","format":"date-time"}""",
    ];

    [Theory, MemberData(nameof(Schemas))]
    public async Task A_schema_holds_whatever_the_model_would_write(string schema)
    {
        var (grammar, validator, complete) = (Grammar.JsonSchema(schema), Json.Schema.JsonSchema.FromText(schema), 0);
        for (ulong seed = 0; seed < 12; seed++)
        {
            var (text, last) = await Answer(grammar, new GenerationOptions { Temperature = 2, Seed = seed, MaxTokens = 160 });
            Assert.True(grammar.CanBegin(text), text);
            if (last.Finish != FinishReason.Stop)
                continue;
            complete++;
            Assert.True(grammar.Matches(text), text);
            Assert.True(validator.Evaluate(JsonNode.Parse(text), new EvaluationOptions { RequireFormatValidation = true }).IsValid, text);
        }
        Assert.True(complete > 0, "no answer was complete");
    }

    [Fact]
    public async Task What_must_follow_skips_the_model_and_is_counted()
    {
        var grammar = Grammar.JsonSchema("""{"const":{"the":"little girl was happy","day":[1,2]}}""",
            new JsonSchemaOptions { Whitespace = false });
        var (text, last) = await Answer(grammar);
        Assert.Equal("""{"the":"little girl was happy","day":[1,2]}""", text);
        Assert.Equal(FinishReason.Stop, last.Finish);
        Assert.InRange(last.Statistics!.GeneratedTokens, 10, 43);
    }

    [Fact]
    public async Task More_than_a_page_can_be_forced_at_once()
    {
        var text = string.Concat(Enumerable.Range(0, 60).Select(i => $"item {i}, "));
        await using var small = new Engine(loaded.Engine.Model, new EngineOptions { CacheTokens = 1 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            var whole = "";
            await foreach (var generated in small.GenerateAsync(small.Model.Tokenizer.Encode("Once"),
                new GenerationOptions { Grammar = Grammar.Choice([text]), MaxTokens = 500 }))
                whole += generated.Text;
            return whole;
        }));
        Assert.All(answers, a => Assert.StartsWith(a, text));
        Assert.All(answers, a => Assert.True(a.Length > 300));
    }

    [Fact]
    public async Task Guesses_change_nothing_under_a_grammar()
    {
        var grammar =
            Grammar.JsonSchema(
                """{"type":"array","items":{"type":"object","properties":{"word":{"type":"string","maxLength":6}},"required":["word"],"additionalProperties":false},"minItems":5,"maxItems":5}""");
        await using var plain = new Engine(loaded.Engine.Model, new EngineOptions { Speculation = false });
        foreach (var temperature in (float[])[0, 1])
        {
            var options = new GenerationOptions { Temperature = temperature, Seed = 3, MaxTokens = 200, Grammar = grammar };
            var text = "";
            await foreach (var generated in plain.GenerateAsync(plain.Model.Tokenizer.Encode("Once"), options))
                text += generated.Text;
            Assert.Equal(text, (await Answer(grammar, options)).Text);
        }
    }

    [Fact]
    public async Task An_answer_cut_by_its_length_says_so_and_is_a_beginning()
    {
        var grammar = Grammar.JsonSchema("""{"type":"string","minLength":200}""");
        var (text, last) = await Answer(grammar, new GenerationOptions { MaxTokens = 10 });
        Assert.Equal(FinishReason.Length, last.Finish);
        Assert.True(grammar.CanBegin(text));
    }

    [Fact]
    public async Task Requests_share_a_grammar_at_the_same_time()
    {
        var grammar =
            Grammar.JsonSchema(
                """{"type":"object","properties":{"a":{"type":"string","maxLength":8}},"required":["a"],"additionalProperties":false}""");
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 8)
                .Select(i => Answer(grammar, new GenerationOptions { Seed = (ulong)i, MaxTokens = 80 })));
        Assert.All(answers, a => Assert.Equal(JsonValueKind.String, JsonDocument.Parse(a.Text).RootElement.GetProperty("a").ValueKind));
    }
}
