using System.CommandLine;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune</c>: adapt a model.</summary>
static class TuneCommand
{
    public static Command Create() => new("tune", "Adapt models: merge an adapter into its base.")
    {
        MergeCommand.Create(),
    };
}
