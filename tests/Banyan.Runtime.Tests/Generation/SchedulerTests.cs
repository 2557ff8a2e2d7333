using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>Who is computed when: passes without a model, in which every token is the next one.</summary>
public class SchedulerTests(EngineTests.Loaded loaded) : IClassFixture<EngineTests.Loaded>
{
    const int Answer = 3;

    sealed class Passes(Model model, int places, int cacheTokens = 4096)
    {
        readonly KvCache _cache = new(model, cacheTokens);
        readonly Scheduler _scheduler =
            new(new EngineOptions
            {
                MaxRequests = places,
                PrefillTokens = 32,
                SharedPrefillTokens = 8,
                ShortPromptTokens = 8,
                Speculation = false
            }, model.Config.Layers);
        readonly Batch _batch = new(64);
        readonly Dictionary<Request, string> _names = [];

        public List<string> Done { get; } = [];

        /// <summary>Passes in which each had rows of its prompt.</summary>
        public Dictionary<string, int> Reads { get; } = [];

        public void Add(string name, int length, string? client)
        {
            var prompt = Enumerable.Range(0, length).Select(i => 3 + (i * 7 + _names.Count * 31) % 500).ToArray();
            var options = new GenerationOptions { MaxTokens = Answer, Client = client };
            var request = new Request(prompt, Answer, options, [], new Sequence(_cache, length + Answer), speculate: false, null);
            _names[request] = name;
            _scheduler.Add(request);
        }

        public bool Next()
        {
            _scheduler.Fill(_batch);
            Assert.InRange(_batch.Count, _scheduler.IsIdle ? 0 : 1, 32 + places);
            Assert.Equal(_batch.Count, _scheduler.Running.Sum(r => r.Rows));
            var isLong = _scheduler.IsLong;
            foreach (var request in _scheduler.Running)
                request.IsInLongPass = isLong && request.Rows > 0;
            for (var layer = 0; isLong && layer < 2; layer++)
            {
                _scheduler.Fill(_batch);
                Assert.InRange(_batch.Count, 0, 8 + 8 + places);
                Finish(isLong: false);
            }
            Finish(isLong);
            return !_scheduler.IsIdle;
        }

        void Finish(bool isLong)
        {
            foreach (var request in _scheduler.Running.Where(r => r.IsInLongPass == isLong).ToArray())
            {
                request.IsInLongPass = false;
                if (request.Rows > 0 && !request.HasAnswer)
                    Reads[_names[request]] = Reads.GetValueOrDefault(_names[request]) + 1;
                var full = request.LogitIndex >= 0 && request.Append(1);
                request.Sequence.Advance(request.Sequence.Length + request.Rows, request.Tokens);
                if (!full)
                    continue;
                Done.Add(_names[request]);
                _scheduler.Remove(request);
            }
        }

        public IReadOnlyList<string> Run()
        {
            for (var pass = 0; Next(); pass++)
                Assert.InRange(pass, 0, 10_000);
            return Done;
        }
    }

    [Theory]
    [InlineData(1, 4096)] // one place: it is given up
    [InlineData(4, 4096)]
    [InlineData(16, 4096)] // a place for everybody
    [InlineData(16, 1024)] // pages for three of them
    public void A_flood_of_long_prompts_does_not_keep_anothers_short_one_waiting(int places, int cacheTokens)
    {
        var passes = new Passes(loaded.Model, places, cacheTokens);
        for (var i = 0; i < 8; i++)
            passes.Add($"a{i}", 300, "a");
        for (var i = 0; i < 3; i++)
            passes.Next();
        passes.Add("b", 10, "b");
        var done = passes.Run();
        // With one place nobody has two more than another: b is the next one.
        Assert.True(done.Index().First(d => d.Item == "b").Index <= (places == 1 ? 1 : 0), string.Join(' ', done));
        Assert.Equal(9, done.Distinct().Count());
        // Of one client first come first served.
        Assert.Equal(done.Where(d => d != "b").Order(), done.Where(d => d != "b"));
    }

    [Fact]
    public void Clients_take_turns_whoever_came_first()
    {
        var passes = new Passes(loaded.Model, places: 2);
        foreach (var client in (string[])["a", "b", "c"])
            for (var i = 0; i < 3; i++)
                passes.Add($"{client}{i}", 64, client);
        var done = passes.Run();
        // Everybody's first is done before anybody's last.
        Assert.True(new[] { "a0", "b0", "c0" }.Max(done.ToList().IndexOf) < new[] { "a2", "b2", "c2" }.Min(done.ToList().IndexOf),
            string.Join(' ', done));
    }

    [Fact]
    public void Short_prompts_are_read_while_a_long_one_is()
    {
        var passes = new Passes(loaded.Model, places: 4);
        passes.Add("long", 500, null);
        passes.Next();
        passes.Add("short", 12, null);
        passes.Add("longer", 200, null);
        passes.Run();
        Assert.Equal(["short", "longer", "long"], passes.Done.Select(d => d));
        Assert.Equal(1, passes.Reads["short"]);
        // And the long one in every pass until it is done.
        Assert.InRange(passes.Reads["long"], 500 / 32, 500 / 4);
    }

    [Fact]
    public void Prompts_of_one_length_are_read_one_after_the_other()
    {
        var passes = new Passes(loaded.Model, places: 4);
        foreach (var name in (string[])["first", "second", "third"])
            passes.Add(name, 320, null);
        for (var pass = 0; pass < 5; pass++)
            passes.Next();
        Assert.Equal(["first"], passes.Reads.Keys);
        Assert.Equal(["first", "second", "third"], passes.Run());
    }

    [Fact]
    public void One_that_gave_way_goes_on_where_its_pages_end()
    {
        var passes = new Passes(loaded.Model, places: 8, cacheTokens: 640);
        for (var i = 0; i < 4; i++)
            passes.Add($"a{i}", 180, "a");
        passes.Next();
        passes.Add("b", 180, "b");
        Assert.Equal(5, passes.Run().Distinct().Count());
    }
}
