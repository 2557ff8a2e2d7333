using System.CommandLine;
using Banyan.Evaluation;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;

namespace Banyan.Cli.Commands.Eval;

/// <summary>The options shared by all commands that run what a model wrote.</summary>
sealed class JudgeChoices
{
    readonly Option<int> _parallel = new("--parallel")
    {
        Description = "programs at once (scores do not depend on it)",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };
    readonly Option<string> _python = new("--python")
    {
        Description = "the Python interpreter inside the sandbox",
        DefaultValueFactory = _ => new JudgeOptions().Python,
    };
    readonly Option<bool> _uncontained = new("--run-model-code-without-a-sandbox")
    {
        Description = "run what a model wrote with your own rights: it can read, change and send whatever you can",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_parallel);
        command.Options.Add(_python);
        command.Options.Add(_uncontained);
    }

    public Task<Judge> OpenAsync(ParseResult result, bool asPublished, CancellationToken cancellationToken)
    {
        var parallel = result.GetValue(_parallel);
        if (parallel < 1)
            throw new EvaluationException($"--parallel {parallel}: at least 1 program at once");
        return Judge.OpenAsync(new()
        {
            Parallel = parallel,
            Python = result.GetValue(_python)!,
            Uncontained = result.GetValue(_uncontained),
            AsPublished = asPublished
        }, cancellationToken);
    }

    /// <summary>Runs a command; failures end with a message and exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (Exception e) when (e is EvaluationException or SandboxException)
        {
            await Console.Error.WriteLineAsync($"banyan: {e.Message}");
            return 1;
        }
    }
}
