using System.CommandLine;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval</c>: measure models.</summary>
static class EvalCommand
{
    public static Command Create() => new("eval", "Measure models: run tasks, score recorded answers, compare.")
    {
        RunCommand.Create(),
        ParetoCommand.Create(),
        DataCommand.Create(),
        ScoreCommand.Create(),
        TasksCommand.Create(),
        ReportCommand.Create(),
        VerifyCommand.Create(),
        ArenaCommand.Create(),
        CompareCommand.Create(),
        ContaminatedCommand.Create(),
        PowerCommand.Create(),
        PowerCommand.CreatePossible(),
        PublishedCommand.Create(),
        TokenizerCommand.Create(),
    };
}
