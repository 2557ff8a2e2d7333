using Banyan.Evaluation.Data;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Tests.Tasks;

/// <summary>
/// Exercism's tests do not tell a program what they expect: what it does to its own process, or to what equality means, is of no use to it.
/// </summary>
public sealed class ExercismTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-exercism-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    const string Stub =
        "public enum Turn { Left, Right, None }\npublic static class Tides\n{\n    public static int Turns(int[] levels) => throw new NotImplementedException();\n}\n";

    const string Right = """
        public enum Turn { Left, Right, None }
        public sealed record Reading(string Name, double Level);
        public sealed class Station(string name)
        {
            public string Name { get; } = name;
            public override bool Equals(object? other) => other is Station s && s.Name == Name;
            public override int GetHashCode() => Name.GetHashCode();
        }
        public static class Tides
        {
            public static int Turns(int[] levels) => levels is null ? throw new ArgumentNullException(nameof(levels)) : levels.Zip(levels.Skip(1)).Count(p => p.First > p.Second);
            public static Turn Way(int a, int b) => a == b ? Turn.None : a < b ? Turn.Right : Turn.Left;
            public static bool IsHigh(int level) => level > 10;
            public static IEnumerable<string> Names(int count) => Enumerable.Range(0, count).Select(i => $"tide \"{i}\"");
            public static string? Last(int count) => Names(count).LastOrDefault();
            public static Dictionary<string, int> Levels() => new() { ["low"] = 1, ["high"] = 12 };
            public static Reading Read(string name) => new(name, 0.75);
            public static double Mean(int[] levels) => levels.Average();
            public static Station At(string name) => new(name);
            public static async Task<int> LaterAsync(int n) { await Task.Yield(); return n + 1; }
        }
        """;

    const string Tests = """"
        public class TidesTests
        {
            [Fact]
            public void Turns_are_counted()
            {
                Assert.Equal(0, Tides.Turns([]));
                Assert.Equal(2, Tides.Turns(new[] { 3, 1, 4, 1 }));
            }

            [Fact(Skip = "later")]
            public void Ways()
            {
                Assert.Equal(Turn.Left, Tides.Way(2, 1));
                Assert.Equal(Turn.None, Tides.Way(2, 2));
                Assert.NotEqual(Turn.Left, Tides.Way(1, 2));
            }

            [Fact]
            public void Truths()
            {
                Assert.True(Tides.IsHigh(11));
                Assert.False(Tides.IsHigh(10));
                Assert.Null(Tides.Last(0));
                Assert.NotNull(Tides.Last(1));
                Assert.Empty(Tides.Names(0));
                Assert.InRange(Tides.Turns([2, 1]), 1, 3);
            }

            [Fact]
            public void Sequences()
            {
                string[] expected = ["tide \"0\"", "tide \"1\""];
                Assert.Equal(expected, Tides.Names(2));
                var raw = """
                    tide "0"
                    """;
                Assert.Equal(raw, Tides.Last(1));
                var levels = new Dictionary<string, int> { { "high", 12 }, { "low", 1 } };
                Assert.Equal(levels, Tides.Levels());
                var used = 5;
                Assert.Equal(used, Tides.Turns(new int[used]) + used);
            }

            [Fact]
            public void Objects()
            {
                Assert.Equal(new Reading("a", 0.75), Tides.Read("a"));
                Assert.Equal(new Station("x"), Tides.At("x"));
                Assert.Equal(2.5, Tides.Mean([2, 3]), 3);
            }

            [Fact]
            public async Task Later() => Assert.Equal(3, await Tides.LaterAsync(2));

            [Fact]
            public async Task Later_in_a_block()
            {
                Assert.Equal(3, await Tides.LaterAsync(2));
                Assert.Throws<ArgumentNullException>(() => Tides.Turns(null!));
                foreach (var n in new[] { 1, 2 })
                    Assert.Equal(n + 1, await Tides.LaterAsync(n));
            }
        }
        """";

    ItemSet Load()
    {
        var exercise = Path.Combine(_folder, DataSources.ExercismFolder, "exercises", "practice", "tides");
        Directory.CreateDirectory(Path.Combine(exercise, ".meta"));
        Directory.CreateDirectory(Path.Combine(exercise, ".docs"));
        File.WriteAllText(Path.Combine(exercise, "Tides.cs"), Stub);
        File.WriteAllText(Path.Combine(exercise, "TidesTests.cs"), Tests);
        File.WriteAllText(Path.Combine(exercise, ".meta", "Example.cs"), Right);
        File.WriteAllText(Path.Combine(exercise, ".docs", "instructions.md"), "Count the turns of the tide.");
        return TaskTable.Find("exercism-cs").Load(new(_folder));
    }

    [Fact]
    public async Task The_example_passes_and_the_stub_fails()
    {
        using var judge = await TestJudge.OpenAsync();
        await Load().PrepareAsync(judge, TestContext.Current.CancellationToken);
    }

    /// <summary>Each would pass if the program itself said what is right.</summary>
    [Theory]
    [InlineData("one is wrong", "levels.Zip(levels.Skip(1)).Count(p => p.First > p.Second)", "levels.Length / 2")]
    [InlineData("equal to all", "public override bool Equals(object? other) => other is Station s && s.Name == Name;",
        "public override bool Equals(object? other) => true;")]
    [InlineData("another exception", "throw new ArgumentNullException(nameof(levels))", "throw new ArgumentException(nameof(levels))")]
    [InlineData("ends early", "public static bool IsHigh(int level) => level > 10;",
        "public static bool IsHigh(int level) { Console.Out.Flush(); Environment.Exit(0); return true; }")]
    [InlineData("the wrong way", "a < b ? Turn.Right : Turn.Left", "a < b ? Turn.Right : Turn.Right")]
    [InlineData("always high", "level > 10", "true")]
    [InlineData("another name", "tide \\\"{i}\\\"", "Tide \\\"{i}\\\"")]
    [InlineData("another level", "[\"high\"] = 12", "[\"high\"] = 13")]
    [InlineData("another mean", "levels.Average()", "levels.Average() + 1")]
    [InlineData("later, wrong in the loop", "return n + 1;", "return n == 1 ? 3 : n + 1;")]
    public async Task Another_does_not(string what, string from, string to)
    {
        using var judge = await TestJudge.OpenAsync();
        Assert.Contains(from, Right, StringComparison.Ordinal);
        var verdict = await Load()
            .JudgeAsync(judge, new RecordedAnswer("tides", Right.Replace(from, to, StringComparison.Ordinal), Whole: true),
                TestContext.Current.CancellationToken);
        Assert.False(verdict.Passed, what);
        Assert.DoesNotContain("compile", verdict.Reason, StringComparison.Ordinal);
    }

    /// <summary>With <c>BANYAN_EXERCISM</c> naming a clone: every example passes, every stub fails.</summary>
    [Fact]
    public async Task All_of_Exercisms_examples_pass()
    {
        if (Environment.GetEnvironmentVariable("BANYAN_EXERCISM") is not { Length: > 0 } clone)
        {
            Assert.Skip("BANYAN_EXERCISM names no clone of exercism/csharp");
            return;
        }
        using var judge = await TestJudge.OpenAsync();
        await TaskTable.Find("exercism-cs").Load(new(clone)).PrepareAsync(judge, TestContext.Current.CancellationToken);
    }
}
