using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Banyan.Cli;

/// <summary>
/// How help reads: the tool's own is its commands by verb, a line each; that of a group of commands likewise; a command's own shows its
/// whole description with examples.
/// </summary>
static class Help
{
    const int Widest = 110;

    /// <summary>Builds the root command from the commands, grouped by verb.</summary>
    public static RootCommand Root(string description, params (string Verb, Command[] Commands)[] groups)
    {
        var root = new RootCommand(description);
        foreach (var command in groups.SelectMany(g => g.Commands))
            root.Subcommands.Add(command);
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new Action((HelpAction)option.Action!, groups);
        return root;
    }

    sealed class Action(HelpAction whole, (string Verb, Command[] Commands)[] groups) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var command = parseResult.CommandResult.Command;
            foreach (var inner in command.Subcommands)
                inner.Description = FirstLine(inner);
            if (command is not RootCommand)
                return whole.Invoke(parseResult);

            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine(
                $"{command.Description}\n\nUsage: banyan COMMAND [OPTIONS]; banyan COMMAND --help shows a command's options and examples.");
            var names = groups.SelectMany(g => g.Commands).Max(c => c.Name.Length) + 4;
            foreach (var (verb, commands) in groups)
            {
                output.WriteLine($"\n{verb}");
                foreach (var each in commands)
                    output.WriteLine(
                        $"  {each.Name.PadRight(names - 2)}{string.Join('\n' + new string(' ', names), Wrap(each.Description!, Width() - names))}");
            }
            return 0;
        }

        static string FirstLine(Command command) =>
            command.Description?.AsSpan().TrimStart().ToString().Split(['\r', '\n'])[0].TrimEnd('.') ?? "";

        static int Width() => Console.IsOutputRedirected ? Widest : Math.Clamp(Console.WindowWidth, 30, Widest);

        static IEnumerable<string> Wrap(string text, int width)
        {
            var line = "";
            foreach (var word in text.Split(' '))
            {
                if (line.Length > 0 && line.Length + 1 + word.Length > width)
                {
                    yield return line;
                    line = "";
                }
                line += line.Length == 0 ? word : " " + word;
            }
            yield return line;
        }
    }
}
