using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Arena;

public sealed class ArenaTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-arena").FullName;

    string File => Path.Combine(_folder, "votes.jsonl");

    string Notes => Path.Combine(_folder, "notes");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static Vote Vote(string left, string right, Choice choice) =>
        new() { At = DateTimeOffset.UnixEpoch, Question = "q", Left = left, Right = right, Choice = choice, LeftHash = "", RightHash = "" };

    static List<Vote> Votes(params (string Left, string Right, Choice Choice, int Times)[] votes) =>
        [.. votes.SelectMany(v => Enumerable.Repeat(Vote(v.Left, v.Right, v.Choice), v.Times))];

    /// <summary>With many votes the fit is the truth that drew them, and the intervals hold it.</summary>
    [Fact]
    public void Strengths_that_drew_the_votes_are_found()
    {
        var truth = new Dictionary<string, double> { ["a"] = 4, ["b"] = 2, ["c"] = 1, ["d"] = 0.5 };
        var random = new Random(5);
        var names = truth.Keys.ToArray();
        var votes = Enumerable.Range(0, 20_000).Select(_ =>
        {
            var pair = random.GetItems(names, 2);
            return pair[0] == pair[1] ? null
                : Vote(pair[0], pair[1], random.NextDouble() < truth[pair[0]] / (truth[pair[0]] + truth[pair[1]])
                    ? Choice.Left : Choice.Right);
        }).OfType<Vote>().ToList();
        var standings = Standings.Of(votes);
        Assert.Equal(names, standings.Select(s => s.Model));
        double mean = standings.Average(s => s.Rating), expected = truth.Values.Average(BradleyTerry.Elo);
        Assert.All(standings, s => Assert.Equal(BradleyTerry.Elo(truth[s.Model]) - expected, s.Rating - mean, 15.0));
        Assert.All(standings, s => Assert.InRange(s.Interval.High - s.Interval.Low, 2, 40));
    }

    [Fact]
    public void The_fit_is_the_maximum_of_the_likelihood()
    {
        double[,] wins = { { 0, 7, 3 }, { 2, 0, 5 }, { 4, 1, 0 } };
        double LogLikelihood(IReadOnlyList<double> p)
        {
            var sum = 0.0;
            for (var i = 0; i < 3; i++)
            {
                sum += 0.5 * Math.Log(p[i] / (p[i] + 1)) + 0.5 * Math.Log(1 / (p[i] + 1)); // the virtual tie
                for (var j = 0; j < 3; j++)
                    sum += i == j ? 0 : wins[i, j] * Math.Log(p[i] / (p[i] + p[j]));
            }
            return sum;
        }
        var strengths = new BradleyTerry(wins).Strengths;
        var best = LogLikelihood(strengths);
        for (var i = 0; i < 3; i++)
            foreach (var factor in (double[])[0.99, 1.01])
                Assert.True(LogLikelihood([.. strengths.Select((p, k) => k == i ? p * factor : p)]) < best);
    }

    [Fact]
    public void A_tie_is_half_a_win_for_each_and_a_clean_sweep_stays_finite()
    {
        var even = Standings.Of(Votes(("a", "b", Choice.Tie, 5), ("a", "b", Choice.Neither, 3)));
        Assert.Equal(even[0].Rating, even[1].Rating, 1e-6);
        var sweep = Standings.Of(Votes(("a", "b", Choice.Left, 30)));
        Assert.Equal("a", sweep[0].Model);
        Assert.InRange(sweep[0].Rating, 1000, 2500);
        Assert.Equal((30, 0, 0), (sweep[0].Wins, sweep[0].Losses, sweep[0].Ties));
        Assert.Empty(Standings.Of([]));
    }

    /// <summary>Eight ties, and one model that won every vote: votes that are all alike leave an interval that so few support.</summary>
    [Fact]
    public void Votes_that_are_all_alike_leave_an_interval()
    {
        foreach (var votes in new[] { Votes(("A", "B", Choice.Tie, 4), ("B", "C", Choice.Tie, 4)), Votes(("A", "B", Choice.Left, 8)) })
            Assert.All(Standings.Of(votes), s => Assert.InRange(s.Interval.High - s.Interval.Low, 200, 3000));
        var many = Standings.Of(Votes(("A", "B", Choice.Tie, 4000), ("B", "C", Choice.Tie, 4000)));
        Assert.All(many, s => Assert.InRange(s.Interval.High - s.Interval.Low, 1, 60));
    }

    /// <summary>11 to 9: two turned round make it 9 to 11, one makes a tie.</summary>
    [Theory]
    [InlineData(11, 9, 2)]
    [InlineData(10, 9, 1)]
    [InlineData(60, 40, 11)]
    public void Few_votes_decide_a_close_order(int first, int second, int flips) =>
        Assert.Equal(flips, Standings.Of(Votes(("a", "b", Choice.Left, first), ("a", "b", Choice.Right, second)))[0].FlipsToLosePlace);

    /// <summary>Two that never met are decided by their votes against others; the greedy answer is compared with all there are.</summary>
    [Fact]
    public void Votes_that_decide_are_as_few_as_an_exhaustive_search_finds()
    {
        double[,] wins = { { 0, 3, 5 }, { 2, 0, 4 }, { 2, 3, 0 } };
        var fit = new BradleyTerry(wins);
        var order = Enumerable.Range(0, 3).OrderByDescending(i => fit.Strengths[i]).ToArray();
        var (a, b) = (order[0], order[1]);
        (int, int)[] kinds = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)];
        bool Reached(double[,] w, int from, int left)
        {
            var now = new BradleyTerry(w).Strengths;
            if (now[a] < now[b])
                return true;
            if (left == 0)
                return false;
            for (var k = from; k < kinds.Length; k++)
            {
                var (i, j) = kinds[k];
                if (w[i, j] < 1)
                    continue;
                var next = (double[,])w.Clone();
                next[i, j]--;
                next[j, i]++;
                if (Reached(next, k, left - 1))
                    return true;
            }
            return false;
        }
        var fewest = Enumerable.Range(0, 6).First(n => Reached(wins, 0, n));
        Assert.Equal(fewest, Standings.Flips(wins, a, b, 20));
    }

    [Fact]
    public void Votes_are_kept_in_order_and_a_changed_one_is_noticed()
    {
        using (var votes = VoteFile.Open(File, Notes))
        {
            votes.Append(Vote("a", "b", Choice.Left));
            Assert.Throws<EvaluationException>(() => VoteFile.Open(File, Notes).Dispose()); // one program writes
            votes.Append(Vote("b", "a", Choice.Neither));
        }
        System.IO.File.AppendAllText(File, "{\"at\":\"torn"); // a crash
        using (var votes = VoteFile.Open(File, Notes))
        {
            Assert.Equal(2, votes.Votes.Count);
            votes.Append(Vote("a", "b", Choice.Right));
        }
        Assert.Equal([Choice.Left, Choice.Neither, Choice.Right], VoteFile.Read(File, Notes).Select(v => v.Choice));

        var lines = System.IO.File.ReadAllLines(File);
        // The last vote, or the last two, taken away; a crash that came between a vote and its note is none of that.
        foreach (var kept in (int[])[2, 1])
        {
            System.IO.File.WriteAllLines(File, lines[..kept]);
            Assert.Contains("taken away", Assert.Throws<EvaluationException>(() => VoteFile.Read(File, Notes)).Message);
            Assert.Contains("taken away", Assert.Throws<EvaluationException>(() => VoteFile.Open(File, Notes)).Message);
        }
        // Whoever rewrites or removes the note beside the votes as well is given away by the account's own, or by a hash that was kept.
        System.IO.File.WriteAllLines(File, lines[..2]);
        foreach (var note in (string?[])[VoteFile.Hash(lines[1]), null])
        {
            System.IO.File.Delete(File + ".last");
            if (note is not null)
                System.IO.File.WriteAllText(File + ".last", note + "\n");
            Assert.Contains("taken away", Assert.Throws<EvaluationException>(() => VoteFile.Read(File, Notes)).Message);
            Assert.Contains("taken away", Assert.Throws<EvaluationException>(() => VoteFile.Open(File, Notes)).Message);
            var elsewhere = Notes + "-of-another";
            Assert.Contains(VoteFile.Hash(lines[2]),
                Assert.Throws<EvaluationException>(() => VoteFile.Read(File, out _, VoteFile.Hash(lines[2]), elsewhere)).Message);
            Assert.Equal(2, VoteFile.Read(File, out _, VoteFile.Hash(lines[1]), elsewhere).Count);
        }
        System.IO.File.WriteAllLines(File, lines);
        System.IO.File.WriteAllText(File + ".last", VoteFile.Hash(lines[1]) + "\n");
        Assert.Equal(3, VoteFile.Read(File, Notes).Count);
        System.IO.File.WriteAllText(File + ".last", VoteFile.Hash(lines[2]) + "\n");
        System.IO.File.WriteAllLines(File, [lines[0].Replace("left\":\"a", "left\":\"x"), lines[1], lines[2]]);
        Assert.Contains("line 2", Assert.Throws<EvaluationException>(() => VoteFile.Read(File, Notes)).Message);
        System.IO.File.WriteAllLines(File, [lines[0], lines[2]]);
        Assert.Throws<EvaluationException>(() => VoteFile.Open(File, Notes));
    }

    [Fact]
    public async Task Rounds_are_blind_take_one_vote_and_change_sides()
    {
        var answers = SharedData.Path("evaluation", "recorded-1.5b", "humaneval-generated.jsonl");
        var task = TaskTable.Find("humaneval");
        var items = task.Load(new(SharedData.Path("evaluation")));
        var canonical = new Entrant("canonical", _ => true, (q, _) => Task.FromResult(new ArenaAnswer(items.Text(q.Id)!.Solution!)));
        using var votes = VoteFile.Open(File, Notes);
        var rounds = new ArenaRounds([Entrant.Recorded(answers, "qwen-1.5b"), canonical],
            [.. items.Ids.Select(id => new ArenaQuestion(id, items.Text(id)!.Statement))], votes);
        var sides = new HashSet<string>();
        for (var i = 0; i < 40; i++)
        {
            var round = await rounds.NextAsync(TestContext.Current.CancellationToken);
            Assert.DoesNotContain("qwen", round.ToString());
            Assert.Same(round, rounds.Find(round.Id));
            var models = rounds.Cast(round.Id, Choice.Tie);
            Assert.Equal(items.Text(round.Question.Id)!.Solution == round.Left.Text ? "canonical" : "qwen-1.5b", models.Left);
            sides.Add(models.Left!);
            Assert.Null(rounds.Cast(round.Id, Choice.Left).Left);
            Assert.Null(rounds.Find(round.Id));
        }
        Assert.Equal(2, sides.Count);
        Assert.Equal(40, votes.Votes.Count);
    }

    [Fact]
    public async Task The_question_is_told_before_any_answer_and_both_models_answer_at_once()
    {
        var (asked, may) = (0, new TaskCompletionSource());
        Entrant Slow(string name) => new(name, _ => true, async (_, _) =>
        {
            if (Interlocked.Increment(ref asked) == 2)
                may.SetResult(); // one that waited for the other would wait for ever
            await may.Task;
            return new(name);
        });
        using var votes = VoteFile.Open(File, Notes);
        var rounds = new ArenaRounds([Slow("a"), Slow("b")], [new("q", "Which?")], votes);
        var told = "";
        var round = await rounds.NextAsync(TestContext.Current.CancellationToken, question =>
        {
            Assert.Equal(0, asked);
            told = question.Text;
            return Task.CompletedTask;
        });
        Assert.Equal("Which?", told);
        Assert.Equal(["a", "b"], ((string[])[round.Left.Text, round.Right.Text]).Order());
    }

    [Fact]
    public async Task Media_answer_the_question_that_they_are_called_after()
    {
        string Folder(string name, params string[] files)
        {
            var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
            foreach (var file in files)
                System.IO.File.WriteAllText(Path.Combine(folder, file), name + file);
            return folder;
        }
        var (video, sound) = (Entrant.Recorded(Folder("video", "1.mp4", "02.WEBM", "sea.png", "notes.txt")),
            Entrant.Recorded(Folder("sound", "2.flac"), "named"));
        Assert.Equal(("video", "named"), (video.Name, sound.Name));
        bool[] has = [.. new[] { "question 1", "question 2", "sea", "notes", "question 3" }.Select(id => video.Has(new(id, "")))];
        Assert.Equal([true, true, true, false, false], has);
        Assert.False(sound.Has(new("question 1", "")));
        var answer = await video.AnswerAsync(new("question 2", ""), TestContext.Current.CancellationToken);
        Assert.Equal(("video/webm", VoteFile.Hash("video02.WEBM")), (answer.MediaType, answer.Hash()));
        Assert.Contains("no pictures, sounds or videos",
            Assert.Throws<EvaluationException>(() => Entrant.Recorded(Folder("other", "page.svg", "page.html"))).Message);
        System.IO.File.WriteAllText(File, """{"id": "sea", "prompt": "The sea"}""" + "\n" + """{"prompt": "A hill"}""");
        Assert.Equal(["sea", "question 2"], ArenaQuestion.Read(File).Select(q => q.Id));
    }
}
