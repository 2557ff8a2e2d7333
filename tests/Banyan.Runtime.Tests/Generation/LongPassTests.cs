using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>
/// Prompts are read in long passes: whoever comes meanwhile is served between two layers, and nothing of any answer changes.
/// </summary>
public sealed class LongPassTests
{
    /// <summary>Every look at it takes long, and can do something: on the engine's own thread, so between two layers of a pass.</summary>
    sealed class Clock : TimeProvider
    {
        int _looks;

        public Action<int>? Looked { get; set; }

        public override long TimestampFrequency => 10;

        public override long GetTimestamp()
        {
            Looked?.Invoke(++_looks);
            return 2 * _looks;
        }
    }

    static Model Open(string name) =>
        Model.Load(Reference.Path($"families/{name}"),
            new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    static int[] Tokens(int count, int seed = 0) => [.. Enumerable.Range(0, count).Select(i => (i * 7919 + seed * 131 + 13) % 509)];

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen35")]
    [InlineData("lfm2")]
    [InlineData("gemma3")]
    public async Task A_newcomer_is_served_between_two_layers(string name)
    {
        using var model = Open(name);
        int[] longOne = Tokens(180), shortOne = Tokens(12, seed: 3);
        var expected = (await Alone(model, longOne, 6), await Alone(model, shortOne, 2));

        var clock = new Clock();
        var running = new List<int>();
        await using var engine = new Engine(model, new EngineOptions { Clock = clock, Speculation = false });
        Task<(int[], int)>? newcomer = null;
        clock.Looked = _ =>
        {
            newcomer ??= Answers.Likeliest(engine, shortOne, 2);
            if (engine.Status.Running is var now && (running.Count == 0 || running[^1] != now))
                running.Add(now);
        };
        var first = await Answers.Likeliest(engine, longOne, 6);
        clock.Looked = null;

        // The newcomer began and ended while the first prompt was in its pass: nobody had published before that one ended.
        Assert.Equal([0, 2, 1], running[..3]);
        Assert.Equal(expected.Item1, first.Tokens);
        Assert.Equal(expected.Item2, (await newcomer!).Item1);
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen35")]
    [InlineData("falcon-h1")]
    [InlineData("gemma3")]
    public async Task A_pass_that_nobody_waits_for_is_given_up_and_leaves_nothing_behind(string name)
    {
        using var model = Open(name);
        var prompt = Tokens(180);
        var expected = await Alone(model, prompt, 6);

        var clock = new Clock();
        await using var engine = new Engine(model, new EngineOptions { Clock = clock, Speculation = false });
        await using var calm = new Engine(model, new EngineOptions { Speculation = false });
        await Answers.Likeliest(engine, prompt[..100], 2);
        await Answers.Likeliest(calm, prompt[..100], 2);
        using var cancelled = new CancellationTokenSource();
        var (looks, isGone) = (0, false);
        clock.Looked = _ =>
        {
            if (++looks != 2) // after the first layer
                return;
            cancelled.Cancel();
            SpinWait.SpinUntil(() => Volatile.Read(ref isGone), TimeSpan.FromSeconds(10));
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in engine.GenerateAsync(prompt, new() { MaxTokens = 6 }, cancelled.Token))
            {
            }
        });
        Volatile.Write(ref isGone, true);
        var again = await Answers.Likeliest(engine, prompt, 6);
        Assert.Equal((await Answers.Likeliest(calm, prompt, 6)).Cached, again.Cached);
        Assert.Equal(expected, again.Tokens);
    }

    [Fact]
    public async Task Closing_waits_for_a_layer_not_for_the_pass()
    {
        using var model = Open("llama3");
        var clock = new Clock();
        var engine = new Engine(model, new EngineOptions { Clock = clock, Speculation = false });
        Task closed = Task.CompletedTask;
        clock.Looked = look =>
        {
            if (look == 2)
                closed = engine.DisposeAsync().AsTask();
        };
        var error = await Assert.ThrowsAsync<GenerationException>(() => Answers.Likeliest(engine, Tokens(180), 6));
        Assert.Contains("closed", error.Message);
        await closed;
    }

    static async Task<int[]> Alone(Model model, int[] prompt, int count)
    {
        await using var engine = new Engine(model);
        return (await Answers.Likeliest(engine, prompt, count)).Tokens;
    }
}
