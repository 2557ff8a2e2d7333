using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Banyan.Evaluation.Contamination;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Contamination;

public sealed class ScanTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-scan").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static List<(EvaluationTask, ItemSet)> Tasks(params string[] names) =>
        [.. names.Select(TaskTable.Find).Select(t => (t, t.Load(new(SharedData.Path("evaluation")))))];

    ContaminationReport Scan(params string[] tasks) => new ContaminationScan(Tasks(tasks)).Run(_folder, 2);

    void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);

    [Fact]
    public void The_data_set_itself_is_found_whole()
    {
        var scan = new ContaminationScan(Tasks("humaneval", "humaneval+", "cruxeval-output"));
        var report = scan.Run(SharedData.Path("evaluation", "HumanEvalPlus-v0.1.10.jsonl.gz"), 1);
        Assert.Equal(164, report.Hits.Count(h => h.Method == ContaminationMethod.Words13));
        Assert.All(report.Hits.Where(h => h.Method == ContaminationMethod.Words13), hit =>
        {
            Assert.True(hit.Share >= 0.5, $"{hit.Id}: {hit.Share}"); // the data has other fields between statement and solution
            if (hit.Id != "HumanEval/61") // is HumanEval/56 with other brackets
                Assert.Equal(int.Parse(hit.Id[(hit.Id.IndexOf('/') + 1)..]) + 1, hit.Line);
        });
        Assert.All(report.Hits.Where(h => h.Method == ContaminationMethod.NearDuplicate), hit => Assert.StartsWith("HumanEval/", hit.Id));
        // The first edition of the same: other solutions, the same statements.
        Assert.Equal(164,
            scan.Run(SharedData.Path("evaluation", "HumanEval.jsonl.gz"),
                1).Tasks.Single(t => t.Task == "humaneval, humaneval+").Found[ContaminationMethod.Words13]);
    }

    /// <summary>A solution with every name changed, no comment, in the midst of other code: words do not tell, code does.</summary>
    [Theory]
    [InlineData("corpus.py")]
    [InlineData("corpus.jsonl")]
    [InlineData("corpus.py.gz")]
    public void A_renamed_copy_is_a_near_duplicate(string file)
    {
        const string Copy = """
            def nearest(pairs, ceiling):
                ordered = sorted(pairs)
                for spot in range(len(ordered) - 1):
                    if ordered[spot + 1] - ordered[spot] < ceiling:
                        return True
                return False
            """;
        var filler = string.Concat(Enumerable.Range(0, 200).Select(i => $"def part_{i}(a):\n    return a.left_{i} * {i} + other_{i}(a)\n"));
        if (file.EndsWith(".jsonl", StringComparison.Ordinal))
            Write(file,
                string.Concat(new[] { filler, filler + Copy + "\n" + filler,
                    filler }.Select(text => JsonSerializer.Serialize(new { text }) + "\n")));
        else if (file.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var gzip = new GZipStream(File.Create(Path.Combine(_folder, file)), CompressionLevel.Fastest);
            gzip.Write(Encoding.UTF8.GetBytes(filler + Copy + "\n" + filler));
        }
        else
            Write(file, filler + Copy + "\n" + filler);
        var hit = Assert.Single(Scan("humaneval").Hits);
        Assert.Equal(("HumanEval/0", ContaminationMethod.NearDuplicate, file), (hit.Id, hit.Method, hit.File));
        Assert.True(hit.Share > 0.9);
        Assert.InRange(hit.Line, file == "corpus.jsonl" ? 2 : 400, file == "corpus.jsonl" ? 2 : 406);
    }

    [Fact]
    public void Other_words_between_the_grams_of_an_item_do_not_add_up()
    {
        // Every sentence of the statement, but each a book apart: ten words in a row may be there, most of it is not.
        var text = Tasks("mbpp")[0].Item2.Text("Mbpp/20")!.Statement;
        var filler = string.Join(' ', Enumerable.Range(0, 5000).Select(i => $"word{i}"));
        Write("book.txt", string.Join("\n", text.Split('\n').Select(line => line + "\n" + filler)));
        Assert.All(Scan("mbpp").Hits, h => Assert.True(h.Share < 0.9));
    }

    [Fact]
    public void Clean_text_has_no_hit_and_what_is_no_text_is_named()
    {
        Write("story.txt", "Once upon a time there was a banyan whose branches reached the ground and became trunks of their own.\n");
        File.WriteAllBytes(Path.Combine(_folder, "weights.bin"), new byte[100]);
        Write("broken.jsonl", "{\"text\": \"not closed\n[]]}\"\\u12\n\"\\");
        File.WriteAllBytes(Path.Combine(_folder, "broken.txt.gz"), [1, 2, 3]);
        var report = Scan("humaneval", "mbpp", "cruxeval-input");
        Assert.Empty(report.Hits);
        Assert.Equal(2, report.Files);
        Assert.Equal(["broken.txt.gz", "weights.bin"], report.Skipped.Select(s => s[..s.IndexOf(':')]));
    }

    [Fact]
    public void The_report_does_not_depend_on_how_many_files_are_read_at_once()
    {
        foreach (var name in (string[])["b", "a", "c"])
            File.Copy(SharedData.Path("evaluation", "HumanEval.jsonl.gz"), Path.Combine(_folder, $"{name}.jsonl.gz"));
        string[] Run(int parallel) => [.. new ContaminationScan(Tasks("humaneval")).Run(_folder, parallel).Hits.Select(h => h.ToString())];
        var one = Run(1);
        Assert.Equal(one, Run(8));
        Assert.All(one, hit => Assert.True(hit.Contains("a.jsonl.gz"), hit));
    }

    [Fact]
    public void A_folder_without_text_is_refused() =>
        Assert.Contains("no text", Assert.Throws<EvaluationException>(() => Scan("humaneval")).Message);
}
