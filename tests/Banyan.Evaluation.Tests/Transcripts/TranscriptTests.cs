using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Tests.Transcripts;

public sealed class TranscriptTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-transcript-").FullName;

    string File => Path.Combine(_folder, "transcript.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static TranscriptEntry Entry(int sample, string answer = "return 1\n  # ünïcode \u2028 \"quoted\"") => new()
    {
        Task = "humaneval",
        Item = "HumanEval/0",
        Sample = sample,
        Prompt = "chat",
        PromptHash = "ab",
        Sampling = new(0.8, 0.95, 512, 7),
        RequestedModel = "m",
        ReturnedModel = "m-2024-08-06",
        Answer = answer,
        Finish = "stop",
        PromptTokens = 12,
        AnswerTokens = 34,
        Seconds = 1.25,
        Cost = 0.000123m,
        At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    [Fact]
    public void What_was_appended_is_read_again()
    {
        using (var transcript = Transcript.Open(File))
        {
            transcript.Append(Entry(0));
            transcript.Append(Entry(1, new string('x', 300_000)));
            transcript.Append(Entry(1, "a second answer under the same key changes nothing"));
        }
        Assert.Equal([Entry(0), Entry(1, new string('x', 300_000))], Transcript.Read(File));
        using var again = Transcript.Open(File);
        Assert.Equal(Entry(0), again.Find(Entry(0).Key));
        Assert.Null(again.Find(Entry(0).Key with { Sampling = new(0.7, 0.95, 512, 7) }));
    }

    [Fact]
    public void A_file_torn_at_any_byte_keeps_every_whole_line_and_goes_on()
    {
        byte[] first = Transcript.Line(Entry(0)), whole = [.. first, .. Transcript.Line(Entry(1))];
        for (var length = 0; length <= whole.Length; length += length is > 3 and < 1000 ? 7 : 1)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            var kept = length == whole.Length ? 2 : length >= first.Length ? 1 : 0;
            Assert.Equal(kept, Transcript.Read(File).Count());
            using (var transcript = Transcript.Open(File))
            {
                Assert.Equal(kept, transcript.Entries.Count);
                transcript.Append(Entry(9));
            }
            Assert.Equal(kept + 1, Transcript.Read(File).Count());
        }
    }

    [Fact]
    public void A_second_run_cannot_write_to_it()
    {
        using var transcript = Transcript.Open(File);
        Assert.Contains("another run", Assert.Throws<EvaluationException>(() => Transcript.Open(File)).Message);
        transcript.Append(Entry(0));
        Assert.Single(Transcript.Read(File));
    }

    [Theory]
    [InlineData("{\"task\":1}\n")]
    [InlineData("nonsense\n")]
    [InlineData("{\"task\":null,\"item\":\"a\"}\n")]
    [InlineData("\0\0\0\0\n")]
    public void A_line_that_is_no_answer_is_named(string text)
    {
        System.IO.File.WriteAllBytes(File, [.. Transcript.Line(Entry(0)), .. System.Text.Encoding.UTF8.GetBytes(text)]);
        Assert.Contains("line 2", Assert.Throws<EvaluationException>(() => Transcript.Open(File)).Message);
        Assert.Contains("line 2", Assert.Throws<EvaluationException>(() => Transcript.Read(File).Count()).Message);
    }

    [Fact]
    public void A_result_is_read_as_it_was_written_and_is_a_score()
    {
        var result = new RunResult
        {
            Task = "humaneval",
            Model = "m-2024-08-06",
            RequestedModel = "m",
            Fingerprints = ["fp"],
            Prompt = "chat",
            Sampling = new(),
            SamplesPerItem = 1,
            TaskItems = 164,
            Hashes = new("d", "p", "h"),
            Items = [new("a", "a", 0, true, "passed", "p", "x") { Cost = 0.5m, Seconds = 2 }, new("b", "a", 0, false, "wrong", "p", "x")],
        };
        var file = Path.Combine(_folder, "humaneval.json");
        RunFile.Write(result, file);
        Assert.Equivalent(result, RunFile.Read(file), strict: true);
        var score = Assert.Single(Scoring.ScoreFile.Read(file));
        Assert.Equal(result.Score.Items, score.Items);
        Assert.Equal(0.5, RunFile.ToJson(result)["pass@1"]!.GetValue<double>());
    }
}
