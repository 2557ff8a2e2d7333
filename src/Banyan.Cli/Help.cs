using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Banyan.Cli;

/// <summary>
/// How help reads: a list of commands shows a line for each, a command's own help shows its whole description with examples; a mistyped
/// command line gets the reason and what to type for help, not pages of it.
/// </summary>
static class Help
{
    /// <summary>Makes the commands' help so.</summary>
    public static void Shorten(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new ListOfCommands((HelpAction)option.Action!);
    }

    /// <summary>Parses without showing all help where the command line is wrong.</summary>
    public static ParseResult Parse(RootCommand root, string[] args)
    {
        var result = root.Parse(args);
        if (args.Length == 0)
            return root.Parse(["--help"]);
        if (result.Action is ParseErrorAction error)
            error.ShowHelp = false;
        return result;
    }

    sealed class ListOfCommands(HelpAction whole) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            foreach (var command in parseResult.CommandResult.Command.Subcommands)
                command.Description = command.Description?.AsSpan().TrimStart().ToString().Split(['\r', '\n'])[0].TrimEnd('.');
            return whole.Invoke(parseResult);
        }
    }
}
