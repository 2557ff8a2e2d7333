using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Banyan.Cli;

/// <summary>The format of help: for the tool, its commands by verb, one per line; likewise for a group of commands; for a command, its
/// whole description with examples.</summary>
static class Help
{
    const int Widest = 110;

    /// <summary>A command by its name. Commands with <paramref name="Settings"/> share those of the server.</summary>
    public readonly record struct Row(string Name, Func<Command> Create, bool Settings = false);

    /// <summary>
    /// Builds the root command from the commands, grouped by verb. If the first argument is a command's name, only that one is made, or all
    /// that share its settings.
    /// </summary>
    public static RootCommand Root(string description, string[] args, params (string Verb, Row[] Rows)[] groups)
    {
        var root = new RootCommand(description);
        foreach (var row in Needed([.. groups.SelectMany(g => g.Rows)], args))
            root.Subcommands.Add(row.Create());
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new Action((HelpAction)option.Action!, groups);
        return root;
    }

    static IEnumerable<Row> Needed(IReadOnlyList<Row> rows, string[] args)
    {
        var named = rows.Where(r => args is [var first, ..] && r.Name == first).ToList();
        return named is not [var row] ? rows : row.Settings ? rows.Where(r => r.Settings) : named;
    }

    sealed class Action(HelpAction whole, (string Verb, Row[] Rows)[] groups) : SynchronousCommandLineAction
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
            var names = groups.SelectMany(g => g.Rows).Max(r => r.Name.Length) + 4;
            foreach (var (verb, rows) in groups)
            {
                output.WriteLine($"\n{verb}");
                foreach (var each in rows.Select(r => command.Subcommands.Single(c => c.Name == r.Name)))
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
