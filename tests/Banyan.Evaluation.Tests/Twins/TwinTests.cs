using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.BanyanMini;
using Banyan.Evaluation.Tasks.EvalPlus;
using Banyan.Evaluation.Twins;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Twins;

public class TwinTests
{
    readonly CancellationToken _token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_problem_that_ships_has_one_and_it_is_the_same_again()
    {
        using var judge = await TestJudge.OpenAsync(cacheFolder: null);
        var task = TaskTable.Find("Banyan_Mini~twin");
        using var other = await TestJudge.OpenAsync(); // with a cache, which may have them from another day
        var (twins, again) = (await task.LoadAsync(new("."), judge, _token), await task.LoadAsync(new("."), other, _token));
        Assert.Equal(MiniItem.All.Select(i => i.Id + "~twin"), twins.Ids);
        foreach (var item in MiniItem.All)
        {
            var (id, prompt) = (item.Id + "~twin", twins.Prompt(item.Id + "~twin"));
            Assert.Equal(item.Id, task.SourceProblem(id));
            Assert.Equal(prompt, again.Prompt(id));
            Assert.Contains("names", twins.Changes(id));
            Assert.NotEqual(item.Entry, prompt.Entry);
            Assert.Contains(prompt.Entry + "(", prompt.Code);
            Assert.DoesNotMatch($@"\b{item.Entry}\b", prompt.Code);
        }
        Assert.Contains(twins.Ids, id => twins.Changes(id).Contains("words"));
        Assert.Contains(twins.Ids, id => twins.Changes(id).Any(c => c.EndsWith("examples", StringComparison.Ordinal)));
    }

    /// <summary>Who knows the answers by heart has the originals right and no twin; who solves the problems has both.</summary>
    [Theory]
    [InlineData("humaneval", "humaneval-generated.jsonl")]
    [InlineData("mbpp", "mbpp-generated.jsonl")]
    public async Task Recorded_answers_given_again_are_right_for_the_originals_alone(string name, string recorded)
    {
        using var judge = await TestJudge.OpenAsync();
        var all = TaskTable.Find(name).Load(new(SharedData.Path("evaluation")));
        var originals = all.Only(Sampled.Of(all.Ids, 12).ToHashSet());
        var twins = await originals.TwinAsync(judge, _token);
        Assert.True(twins.Ids.Count >= originals.Ids.Count - 1, $"{twins.Ids.Count} of {originals.Ids.Count}");

        var answers = RecordedAnswers.Read(SharedData.Path("evaluation", "recorded-1.5b", recorded))
            .Where(a => originals.Ids.Contains(a.Id)).ToList();
        var remembered = answers.Where(a => twins.Ids.Contains(a.Id + "~twin")).Select(a => a with { Id = a.Id + "~twin" }).ToList();
        // The same programs in the twin's names: what a model writes that does solve the problem.
        var solved = remembered.Select(a => a with
        {
            Text = $"{(a.Whole ? a.Text : all.Prompt(a.Id[..^5]).Code + a.Text)}\n{twins.Prompt(a.Id).Entry} = {all.Prompt(a.Id[..^5]).Entry}\n",
            Whole = true,
        }).ToList();
        var before = await Scorer.ScoreAsync(TaskTable.Find(name), originals, answers, judge, cancellationToken: _token);
        var without = await Scorer.ScoreAsync(TaskTable.Find(name + "~twin"), twins, remembered, judge, cancellationToken: _token);
        var with = await Scorer.ScoreAsync(TaskTable.Find(name + "~twin"), twins, solved, judge, cancellationToken: _token);

        Assert.DoesNotContain(without.Items, i => i.Passed);
        var byHeart = Assert.Single(TwinGap.Of([before, without]));
        Assert.Equal((TwinVerdict.MemorisationSuspected, name), (byHeart.Verdict, byHeart.Task));
        var honest = Assert.Single(TwinGap.Of([before, with]));
        Assert.Equal((0, 0), (honest.OnlyOriginal, honest.OnlyTwin));
        Assert.NotEqual(TwinVerdict.MemorisationSuspected, honest.Verdict);
        Assert.InRange(honest.Original, 0.2, 0.9);
    }

    [Theory]
    [InlineData("cruxeval-output", "crux-output-completion.json")]
    [InlineData("cruxeval-input", "crux-input-completion.json")]
    public async Task A_value_that_was_right_is_wrong_for_the_twin(string name, string recorded)
    {
        using var judge = await TestJudge.OpenAsync();
        var all = TaskTable.Find(name).Load(new(SharedData.Path("evaluation")));
        var originals = all.Only(Sampled.Of(all.Ids, 50).ToHashSet());
        var twins = await originals.TwinAsync(judge, _token);
        Assert.InRange(twins.Ids.Count, originals.Ids.Count / 2, originals.Ids.Count);
        var answers = RecordedAnswers.Read(SharedData.Path("evaluation", "recorded-1.5b", recorded))
            .Where(a => twins.Ids.Contains(a.Id + "~twin")).ToList();
        var before = await Scorer.ScoreAsync(TaskTable.Find(name), originals, answers, judge, cancellationToken: _token);
        var after = await Scorer.ScoreAsync(TaskTable.Find(name + "~twin"), twins, [.. answers.Select(a => a with { Id = a.Id + "~twin" })],
            judge, cancellationToken: _token);
        Assert.Equal(TwinVerdict.MemorisationSuspected, Assert.Single(TwinGap.Of([before, after])).Verdict);
        Assert.DoesNotContain(after.Items, i => i.Passed && before.Items.Single(b => b.Id + "~twin" == i.Id).Passed);
    }

    /// <summary>
    /// What only looks like a name is none, and what cannot be renamed soundly is left: the twin's solution returns what the original's
    /// does.
    /// </summary>
    [Fact]
    public async Task Names_are_those_that_the_language_knows_not_those_that_look_alike()
    {
        const string Prompt = """"
            import math as numbers_


            def shift_list(numbers, by=1):
                """Given a list of numbers, return it with each greater by `by`; return "given a number" for none.

                >>> shift_list([1, 2], 3)
                [4, 5]
                >>> shift_list([])  # numbers
                'given a number'
                """

            """";
        const string Code = """"
                global counted
                counted = "numbers" and {"numbers": 1}
                class Box:
                    def __init__(self): self.numbers = 2
                    def get(self, numbers): return numbers + self.numbers
                if not numbers:
                    return f"{'given'} a number"
                def inner(value, *, by): return [v + by for v in value]
                try:
                    total = numbers_.inf
                except TypeError as error:
                    total = error
                def again(n): return 0 if n == 0 else again(n - 1) + len(shift_list([], by=by)) - 14
                return (lambda numbers: inner(numbers, by=by + again(2) + Box().get(0) - 2 + counted["numbers"] - 1))(numbers)

            """";
        using var judge = await TestJudge.OpenAsync(cacheFolder: null);
        var item = new EvalPlusItem("Own/1", "shift_list", Prompt, Code, IsMbpp: false, Tolerance: 0,
            [.. ((string[])["[[1, 2], 3]", "[[]]", "[[5], 0]", "[[7, 7, 1]]", "[[2, 3], 4]"]).Select(t => PythonValue.Parse(t))], []);
        var twins = await new EvalPlusItems("own", plus: false, [item]).TwinAsync(judge, _token);
        var id = Assert.Single(twins.Ids);
        var (prompt, code) = (twins.Prompt(id).Code, twins.Text(id)!.Solution!);
        Assert.StartsWith("import math as numbers_\n", prompt);
        Assert.Contains("def shift_sequence(given_numbers, given_by=1):", prompt);
        Assert.Contains("return \"given a number\"", prompt.Replace("give back \"given", "return \"given", StringComparison.Ordinal));
        Assert.DoesNotContain(">>> shift_sequence([1, 2], 3)", prompt); // another example, of the tests
        Assert.Contains("global counted\n", code);
        Assert.Contains("\"numbers\" and {\"numbers\": 1}", code);
        Assert.Contains("shift_sequence([], given_by=given_by)", code);
    }

    [Theory]
    [InlineData("exercism-cs~twin", "exercism-cs has no twins; there are banyan-mini~twin")]
    [InlineData("nothing~twin", "there is no task 'nothing~twin'")]
    public void A_task_without_twins_says_so(string name, string message) =>
        Assert.Contains(message, Assert.Throws<EvaluationException>(() => TaskTable.Find(name)).Message);

    [Fact]
    public void Gaps_say_what_they_support()
    {
        // 200 problems: so many right as they are known, so many of the twins, the latter among the former.
        static TwinGap Of(int n, int original, int twin)
        {
            Score Score(string task, int right, string suffix) =>
                new(task, [.. Enumerable.Range(0, n).Select(i => new ItemScore($"P/{i}{suffix}", 0, i < right, ""))]);
            return Assert.Single(TwinGap.Of([Score("t", original, ""), Score("other", 1, ""), Score("t~twin", twin, "~twin")]));
        }
        Assert.Equal(TwinVerdict.MemorisationSuspected, Of(200, 150, 130).Verdict);
        Assert.Equal(TwinVerdict.NoSign, Of(200, 150, 150).Verdict);
        Assert.Equal(TwinVerdict.NoSign, Of(200, 150, 149).Verdict);
        Assert.Equal(TwinVerdict.NoSign, Of(200, 130, 150).Verdict);
        Assert.Equal(TwinVerdict.Undecided, Of(200, 150, 145).Verdict);
        // So few that a gap of 5 points would often not be seen at all.
        var few = Of(40, 30, 30);
        Assert.Equal((TwinVerdict.Undecided, 0.0), (few.Verdict, few.Gap));
        Assert.InRange(few.Interval.High, 0.08, 0.09);
        Assert.InRange(few.ProblemsNeeded, 100, 200);
    }

    [Fact]
    public void Only_prose_is_said_otherwise()
    {
        const string Text =
            "Write a function to return the return value, 'return it' or \"given a\".\nGiven a list, returns x.\n>>> return";
        var lines = new List<(int, int)> { (0, Text.IndexOf('\n', StringComparison.Ordinal) + 1),
            (Text.IndexOf("Given a list", StringComparison.Ordinal), Text.IndexOf(">>>", StringComparison.Ordinal)) };
        var (other, changed) = Rewording.Apply(Text, lines, "an id");
        Assert.True(changed);
        Assert.Matches(
            "^(Implement|Define) a function (whose purpose is )?to give back the return value, 'return it' or \"given a\"\\.\nFor a given list, (gives back|yields as its result) x\\.\n>>> return$", other);
        Assert.Equal((other, true), Rewording.Apply(Text, lines, "an id"));
    }
}
