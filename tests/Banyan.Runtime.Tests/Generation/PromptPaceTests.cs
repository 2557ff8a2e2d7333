using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Tests.Generation;

public class PromptPaceTests
{
    const int Layers = 2;

    // Seconds a token, and the passes that it leads to.
    [Theory]
    [InlineData(0.0001, 256)] // a fast machine: as many as there may be
    [InlineData(0.0016, 176)]
    [InlineData(0.002, 144)]
    [InlineData(0.1, PromptPace.Least)] // a slow one: no fewer, as the weights are read all the same
    public void A_pass_takes_as_many_tokens_as_time_allows(double seconds, int expected)
    {
        var pace = new PromptPace(256, Layers);
        for (var pass = 0; pass < 20; pass++)
            pace.Observe(pace.Tokens, pace.Tokens * seconds);
        Assert.Equal(expected, pace.Tokens);
    }

    [Fact]
    public void It_follows_a_prompt_whose_tokens_become_dearer_and_forgets_a_disturbed_pass()
    {
        var pace = new PromptPace(256, Layers);
        for (var depth = 0; depth < 16384; depth += pace.Tokens)
        {
            var seconds = pace.Tokens * (0.002 + depth * 1e-6);
            if (depth > 0) // the first is a guess
                Assert.InRange(seconds, 0, 1.2 * Math.Max(Layers * PromptPace.LayerSeconds, PromptPace.Least * (0.002 + depth * 1e-6)));
            pace.Observe(pace.Tokens, seconds);
        }
        Assert.Equal(PromptPace.Least, pace.Tokens);
        for (var pass = 0; pass < 20; pass++)
            pace.Observe(pace.Tokens, pace.Tokens * 0.002);
        var calm = pace.Tokens;
        pace.Observe(calm, 60);
        Assert.InRange(pace.Tokens, calm / 2 - 16, calm / 2);
        for (var pass = 0; pass < 4; pass++)
            pace.Observe(pace.Tokens, pace.Tokens * 0.002);
        Assert.Equal(calm, pace.Tokens);
        // The end of a prompt says nothing of a whole pass.
        pace.Observe(3, 0.2);
        Assert.Equal(calm, pace.Tokens);
    }

    [Fact]
    public void No_more_than_there_may_be()
    {
        var pace = new PromptPace(20, Layers);
        pace.Observe(20, 1e-6);
        pace.Observe(20, 0);
        Assert.Equal(20, pace.Tokens);
        pace.Observe(20, 100);
        Assert.Equal(20, pace.Tokens);
    }
}
