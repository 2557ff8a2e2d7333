using System.CommandLine;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval</c>: measure models.</summary>
static class EvalCommand
{
    public static Command Create() => new("eval", "Measure models: run tasks, score recorded answers, compare.")
    {
        new RunCommand(),
        new ParetoCommand(),
        new DataCommand(),
        new ScoreCommand(),
        new TasksCommand(),
        new ReportCommand(),
        new VerifyCommand(),
        new SigningKeyCommand(),
        new ArenaCommand(),
        new CompareCommand(),
        new ContaminatedCommand(),
        PowerCommand.Create(),
        PowerCommand.CreatePossible(),
        new PublishedCommand(),
        new TokenizerCommand(),
    };
}
