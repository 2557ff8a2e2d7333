using System.Text.Json;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.MultiPle;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Tasks.MultiPle;

/// <summary>
/// What the 1.5B model answered to MultiPL-E in one language: the task, the answers, and what its makers' harness ran and saw.
/// </summary>
sealed class Recorded
{
    public required EvaluationTask Task { get; init; }
    public required ItemSet Items { get; init; }
    public required IReadOnlyDictionary<string, RecordedAnswer> Answers { get; init; }

    /// <summary>For each item: whether it passed there, what was seen, and the whole program.</summary>
    public required IReadOnlyDictionary<string, (bool Passed, string Result, string Program)> Makers { get; init; }

    public static Recorded Open(string language)
    {
        var predictions = SharedData.Path("evaluation", "recorded-1.5b", $"multipl-e-{language}-pred.jsonl");
        using var details =
            JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("evaluation", "recorded-1.5b", $"multipl-e-{language}-details.json")));
        var task = TaskTable.Find($"multipl-e-{language}");
        return new()
        {
            Task = task,
            Items = Load(() => task.Load(new(Compilers(SharedData.Path("evaluation")), predictions))),
            Answers = RecordedAnswers.Read(predictions).DistinctBy(a => a.Id).ToDictionary(a => a.Id),
            Makers = details.RootElement.EnumerateObject()
                .ToDictionary(i => i.Name,
                    i => (i.Value[0][1].GetProperty("passed").GetBoolean(), i.Value[0][1].GetProperty("result").GetString()!,
                        i.Value[0][1].GetProperty("code").GetString()!)),
        };
    }

    /// <summary>What needs a compiler, or the reason why the test is skipped.</summary>
    public static T Load<T>(Func<T> load)
    {
        try
        {
            return load();
        }
        catch (EvaluationException e)
        {
            SharedData.Missing(e.Message);
            throw;
        }
    }

    /// <summary>The script of the TypeScript compiler that the tests install; skips where it is not.</summary>
    public static string Compiler
    {
        get
        {
            var script = Path.Combine(SharedData.Repository, "tests", "Clients", "node_modules", "typescript", "lib", "tsc.js");
            if (!File.Exists(script))
                SharedData.Missing("npm's package typescript is not installed (tests/prepare)");
            return script;
        }
    }

    /// <summary>Names the TypeScript compiler that the tests install, where no other is named, and gives back the folder.</summary>
    public static string Compilers(string folder)
    {
        var installed = Path.Combine(SharedData.Repository, "tests", "Clients", "node_modules", "typescript");
        if (Environment.GetEnvironmentVariable(TypeScript.Variable) is null && Directory.Exists(installed))
            Environment.SetEnvironmentVariable(TypeScript.Variable, installed);
        return folder;
    }
}
