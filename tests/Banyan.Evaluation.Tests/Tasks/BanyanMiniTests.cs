using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.BanyanMini;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Tasks;

public class BanyanMiniTests
{
    /// <summary>
    /// Answers that are wrong, and make every check of theirs pass: by a listener, by an equality of their own, by an object that is equal
    /// to all.
    /// </summary>
    [Theory]
    [InlineData("""
        class Quiet : TraceListener {
            public override void Write(string m) { }
            public override void WriteLine(string m) { }
            public override void Fail(string m) { if (m == null || !m.Contains("TopThree")) Environment.FailFast("x"); }
            public override void Fail(string m, string d) { Fail(m); }
        }
        class Problem {
            public static string[] TopThree(List<(string Name, int Points)> scores) { Trace.Listeners.Clear(); Trace.Listeners.Add(new Quiet()); return new[] { "wrong" }; }
        }
        """)]
    [InlineData("""
        static class Equal { public static bool SequenceEqual(this string[] a, string[] b) => true; }
        class Problem {
            public static string[] TopThree(List<(string Name, int Points)> scores) { return new string[0]; }
        }
        """)]
    [InlineData("""
        class Any { public int Length => 0; public bool SequenceEqual(string[] other) => true; }
        class Problem {
            public static Any TopThree(List<(string Name, int Points)> scores) { return new Any(); }
        }
        """)]
    public async Task A_pass_cannot_be_forged(string source)
    {
        using var judge = await TestJudge.OpenAsync();
        const string Id = "csharp/TopThree";
        var items = TaskTable.Find("banyan-mini").Load(new("/")).Only(new HashSet<string> { Id });
        var answer = items.Read(Id, PromptLadder.Chat,
            $"```csharp\nusing System; using System.Collections.Generic; using System.Diagnostics; using System.Linq;\n{source}\n```");
        var verdict = await items.JudgeAsync(judge, answer, TestContext.Current.CancellationToken);
        Assert.False(verdict.Passed, verdict.Reason);
        Assert.DoesNotContain("compile", verdict.Reason);
    }

    /// <summary>Each item costs five programs: a sample, or all of them in a long run.</summary>
    [Fact]
    public async Task Every_solution_passes_and_every_wrong_one_fails()
    {
        using var judge = await TestJudge.OpenAsync(cacheFolder: null);
        var some = Sampled.Of(MiniItem.All, 10).Select(i => i.Id).ToHashSet();
        await TaskTable.Find("banyan-mini").Load(new(".")).Only(some).PrepareAsync(judge, TestContext.Current.CancellationToken);
        Assert.Equal((20, 20), (MiniItem.All.Count(i => i.IsPython), MiniItem.All.Count(i => !i.IsPython)));
        Assert.All(MiniItem.All, i => Assert.True(i.Wrong.Count >= 3 && i.Checks.Count >= 5, i.Id));
    }

    /// <summary>Whatever form the answer has, the code in it is found: a right one stays right, a wrong one wrong.</summary>
    [Fact]
    public async Task Answers_are_read_in_every_form()
    {
        using var judge = await TestJudge.OpenAsync();
        var all = TaskTable.Find("banyan-mini").Load(new("."));
        var few = Sampled.Of(MiniItem.All.Where((_, i) => i % 6 == 1), 4);
        var items = all.Only(few.Select(i => i.Id).ToHashSet());
        await items.PrepareAsync(judge, TestContext.Current.CancellationToken);
        // Many forms come to the same program, which is judged once.
        var judged = new Dictionary<RecordedAnswer, Verdict>();
        foreach (var item in few)
        {
            foreach (var (body, right) in (IEnumerable<(string, bool)>)[(item.Solution, true), (item.Wrong[0], false)])
            {
                foreach (var (form, answer) in Forms(item, body))
                {
                    var read = items.Read(item.Id, form, answer);
                    if (!judged.TryGetValue(read, out var verdict))
                        judged[read] = verdict = await items.JudgeAsync(judge, read, TestContext.Current.CancellationToken);
                    Assert.True(verdict.Passed == right, $"{item.Id}, {form}: {verdict.Reason}\n{answer}\n=>\n{read.Text}");
                }
            }
        }
    }

    static IEnumerable<(string Form, string Answer)> Forms(MiniItem item, string body)
    {
        var end = item.IsPython ? "" : "    }\n";
        var whole = item.Prompt + body + (item.IsPython ? "" : "    }\n}\n");
        var fence = item.IsPython ? "python" : "csharp";
        yield return (PromptLadder.Completion, body + end);
        yield return (PromptLadder.Completion,
            body + end + (item.IsPython ? "\n\nprint('done')\ndef other(" : "\n    public static void Main() { Broken("));
        yield return (PromptLadder.Chat, $"Sure!\n\n```{fence}\n{whole}```\n\nThis works because it is `right`.");
        yield return (PromptLadder.Chat, $"```\n{whole}```");
        yield return (PromptLadder.Chat, whole);
        yield return (PromptLadder.Chat,
            $"<think>```{fence}\nnonsense\n```</think>\n```{fence}\n{whole}\n```\nUse it so:\n```{fence}\nfoo(1)\n```");
        yield return (PromptLadder.Fenced, whole + "```\n\n## Notes\n");
        if (!item.IsPython)
        {
            var method = item.Prompt[(item.Prompt.IndexOf("class Problem {", StringComparison.Ordinal) + "class Problem {".Length)..] + body
                + "    }\n";
            yield return (PromptLadder.Chat, $"```csharp\n{method}```");
            yield return (PromptLadder.Chat,
                $"```csharp\nusing System;\nusing System.Linq;\nusing System.Text;\nusing System.Collections.Generic;\n\nnamespace X;\n\npublic static class Answer\n{{\n{method}}}\n\nclass Program {{ static void Main() {{ }} }}\n```");
        }
    }
}
