using System.Text.Json;
using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Reports;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Tests;

/// <summary>What is wrong with a file is said in the file's terms: no type of .NET's, no line counted from 0.</summary>
public sealed class JsonProblemTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-json-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, string> Files
    {
        get
        {
            string[] texts = ["{", "[1, 2]", "null", "{\"at\": 5}", "{\"choice\": \"nobody\"}",
                "{\"models\": [{\"model\": 1}], \"asOf\": \"2025-01-01\"}", "{\"items\": 7}", "{\"items\": null}",
                "plain text", "{\"a\": 1,}"];
            var data = new TheoryData<string, string>();
            foreach (var kind in (string[])["votes", "transcript", "run", "prices", "recorded", "report"])
                foreach (var text in texts)
                    data.Add(kind, text);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Is_told_in_the_files_terms(string kind, string text)
    {
        var path = Path.Combine(_folder, "file.json");
        File.WriteAllText(path, text + "\n");
        var error = Record.Exception(() => _ = kind switch
        {
            "votes" => (object)VoteFile.Read(path, _folder),
            "transcript" => Transcript.Read(path).ToList(),
            "run" => RunFile.Read(path),
            "prices" => PriceTable.Read(path),
            "recorded" => RecordedAnswers.Read(path),
            _ => SignedJson.Read(path),
        });
        if (error is null)
            return;   // some kinds take some of them
        Assert.IsType<EvaluationException>(error);
        Assert.DoesNotMatch(@"System\.|Banyan\.|`\d|LineNumber|BytePosition|nullab|deserializ|JSON value could not|Parameter",
            error.Message);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    sealed record Needed
    {
        public required int Count { get; init; }
        public required string Name { get; init; }
    }

    [Theory]
    [InlineData("{\"count\": \"many\", \"name\": \"x\"}", "count is of another kind than is expected (line 1, column 17)")]
    [InlineData("{\n\"count\": 1}", "name is missing")]
    [InlineData("{\"count\": 1, \"name\": null}", "name is null")]
    [InlineData("", "it is empty")]
    [InlineData("{\"count\": 1,", "it ends too early")]
    [InlineData("{\"count\": 1, \"name\": \"\\ud800\"}", "name is not valid Unicode")]
    [InlineData("{\"count\": 1, \"name\": \"x\", \"more\": [[[[[[[[[[1]]]]]]]]]]}", "it is nested more than 8 deep")]
    [InlineData("{\"count\": 1 \"name\"", "'\"' is invalid after a value")]
    public void Names_what_and_where(string text, string message)
    {
        var error =
            Assert.ThrowsAny<JsonException>(() => JsonSerializer.Deserialize<Needed>(text,
                new JsonSerializerOptions(JsonSerializerDefaults.Web) { RespectNullableAnnotations = true, MaxDepth = 8 }));
        Assert.StartsWith(message, JsonProblem.Of(error));
    }
}
