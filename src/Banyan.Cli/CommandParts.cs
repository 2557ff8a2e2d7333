using System.CommandLine;

namespace Banyan.Cli;

/// <summary>The parts that commands are made of. A command is a class that derives from <see cref="Command"/>: its options are fields, its
/// constructor says in which order help shows them, its action is the method <c>Execute</c> or <c>ExecuteAsync</c>. Options that several
/// commands share are declared here, or, if they belong together, in a class of their own: <see cref="ModelChoice"/>,
/// <see cref="HubChoice"/>, <see cref="Sampling"/>.</summary>
static class CommandParts
{
    /// <summary><c>--json</c>: the result as JSON on standard output, for programs.</summary>
    public static Option<bool> Json(string description = "Print JSON") => new("--json") { Description = description };

    /// <summary><c>--threads</c>: how many threads compute.</summary>
    public static Option<int?> Threads(string description = "Threads that compute (default: physical cores)")
    {
        var option = new Option<int?>("--threads", "-t") { Description = description };
        option.Between(1, 1024);
        return option;
    }

    /// <summary>Adds arguments, options and subcommands; help shows each kind in this order.</summary>
    public static void AddAll(this Command command, params ReadOnlySpan<Symbol> parts)
    {
        foreach (var part in parts)
            switch (part)
            {
                case Argument argument:
                    command.Arguments.Add(argument);
                    break;
                case Option option:
                    command.Options.Add(option);
                    break;
                default:
                    command.Subcommands.Add((Command)part);
                    break;
            }
    }
}
