using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Cli;

/// <summary>What is wrong with a command line, in the words of the tool and not of the libraries beneath it.</summary>
static partial class ParseErrors
{
    /// <summary>A line for each error, and where to find help.</summary>
    public static IReadOnlyList<string> Describe(ParseResult result)
    {
        var command = result.CommandResult.Command;
        var path = PathOf(result.CommandResult);
        var unmatched = result.UnmatchedTokens;
        var lines = new List<string>();
        foreach (var message in result.Errors.Select(e => e.Message).Distinct())
            if (Unparsable().Match(message) is { Success: true } wrong)
                lines.Add($"{wrong.Groups[2].Value} {wrong.Groups[1].Value}: {Needed(wrong.Groups[3].Value)} is needed");
            else if (MissingValue().Match(message) is { Success: true } option)
                lines.Add($"{option.Groups[1].Value} needs a value");
            else if (RequiredOption().Match(message) is { Success: true } required)
                lines.Add(
                    $"{required.Groups[1].Value} is missing{(Find(command, required.Groups[1].Value)?.Description is { } what ? $": {FirstSentence(what)}" : "")}");
            else if (MissingArgument().IsMatch(message))
                lines.Add(
                    $"{path} needs {string.Join(" and ", Missing(result).Select(a => $"{a.Name}: {FirstSentence(a.Description ?? "a value")}"))}");
            else if (NotAmong().Match(message) is { Success: true } among)
                lines.Add($"'{among.Groups[1].Value}' is not one of {string.Join(", ", among.Groups[2].Captures.Select(c => c.Value))}");
            else if (message.StartsWith("Required command", StringComparison.Ordinal))
            {
                if (unmatched.Count > 0)
                    continue;
                lines.Add(
                    $"{path} needs one of its commands: {string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}");
            }
            else if (!Unrecognized().IsMatch(message))
                lines.Add(message.TrimEnd('.'));
        // What follows an unknown option or command may be its value: no mistake of its own.
        var strays = Strays(result).ToList();
        lines.AddRange(strays.Select(stray => $"{path} knows no '{stray}'{Suggestion(command, stray)}"));
        if (strays.Count == 0 && unmatched.Count > 0)
            lines.Add($"{path} knows no '{unmatched[0]}'{Suggestion(command, unmatched[0])}");
        return [.. lines.DefaultIfEmpty("the command line cannot be read"), $"{path} --help shows how it is used"];
    }

    /// <summary>
    /// Whether there is an error, including an unknown option that was parsed as an argument (<c>run MODEL --temprature 1</c>).
    /// </summary>
    public static bool Any(ParseResult result) => result.Action is ParseErrorAction
        || (result.Errors.Count == 0 && Strays(result).Any() && result.Action is not System.CommandLine.Help.HelpAction);

    static IEnumerable<string> Strays(ParseResult result)
    {
        var text = result.Tokens.SkipWhile(t => t.Type != TokenType.DoubleDash).ToHashSet(ReferenceEqualityComparer.Instance);
        return result.CommandResult.Command.Arguments.SelectMany(a => result.GetResult(a)?.Tokens ?? [])
            .Where(t => !text.Contains(t) && OptionLike().IsMatch(t.Value)).Select(t => t.Value.Split('=')[0])
            .Concat(result.UnmatchedTokens.Where(t => t.StartsWith('-'))).Distinct();
    }

    static string PathOf(CommandResult? result)
    {
        var names = new List<string>();
        for (; result is not null; result = result.Parent as CommandResult)
            names.Insert(0, result.Command is RootCommand ? "banyan" : result.Command.Name);
        return string.Join(' ', names);
    }

    static IEnumerable<Argument> Missing(ParseResult result) =>
        result.CommandResult.Command.Arguments.Where(a => a.Arity.MinimumNumberOfValues > (result.GetResult(a)?.Tokens.Count ?? 0));

    static Option? Find(Command command, string name) => command.Options.FirstOrDefault(o => o.Name == name || o.Aliases.Contains(name));

    static string Needed(string type) => true switch
    {
        _ when type.Contains("UInt", StringComparison.Ordinal) => "a whole number of 0 or more",
        _ when type.Contains("Int", StringComparison.Ordinal) => "a whole number",
        _ when Fractions().IsMatch(type) => "a number",
        _ when type.Contains("Boolean", StringComparison.Ordinal) => "true or false",
        _ when type.Contains("DateTime", StringComparison.Ordinal) => "a date like 2026-01-31",
        _ when type.Contains("File", StringComparison.Ordinal) || type.Contains("Directory", StringComparison.Ordinal) => "a path",
        _ => "another value",
    };

    static string FirstSentence(string text) => text.TrimStart().Split('\n')[0].TrimEnd('.') is var line && line.Length > 0
        ? char.ToLower(line[0], CultureInfo.InvariantCulture) + line[1..] : "a value";

    static string Suggestion(Command command, string word) =>
        Suggestion(command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name)
            .Concat(command.Options.Where(o => !o.Hidden).Select(o => o.Name)), word);

    /// <summary>A suggestion for a misspelt name, to append to a message; empty if no name is similar.</summary>
    public static string Suggestion(IEnumerable<string> names, string word)
    {
        var near = names
            .Where(name => name.StartsWith('-') == word.StartsWith('-'))
            .Select(name => (name, Distance: Distance(word, name)))
            .Where(c => c.Distance <= Math.Max(1, c.name.TrimStart('-').Length / 3))
            .OrderBy(c => c.Distance).Take(3).Select(c => c.name).ToList();
        return near.Count == 0 ? "" : $"; did you mean {string.Join(" or ", near)}?";
    }

    /// <summary>Letters to change, add, leave out or swap with their neighbour.</summary>
    static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            for (var j = 0; j <= b.Length; j++)
                d[i, j] = i == 0 ? j : j == 0 ? i : Math.Min(
                    Math.Min(d[i - 1, j], d[i, j - 1]) + 1,
                    i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                        ? Math.Min(d[i - 2, j - 2] + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                        : d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
        return d[a.Length, b.Length];
    }

    [GeneratedRegex(@"^Cannot parse argument '(.*)' for (?:option|argument|command) '(.*)' as expected type '(.*)'\.\z",
        RegexOptions.Singleline)]
    private static partial Regex Unparsable();

    [GeneratedRegex(@"^Required argument missing for option: '(.*)'\.\z")]
    private static partial Regex MissingValue();

    [GeneratedRegex(@"^Option '(.*)' is required\.\z")]
    private static partial Regex RequiredOption();

    [GeneratedRegex(@"^Required argument missing for command: ")]
    private static partial Regex MissingArgument();

    [GeneratedRegex(@"^Unrecognized command or argument |was not matched")]
    private static partial Regex Unrecognized();

    [GeneratedRegex(@"^Argument '(.*)' not recognized\. Must be one of:(?:\s*'([^']*)')+")]
    private static partial Regex NotAmong();

    [GeneratedRegex(@"^--?[A-Za-z][A-Za-z-]*(=\S*)?\z")]
    private static partial Regex OptionLike();

    [GeneratedRegex("Single|Double|Decimal")]
    private static partial Regex Fractions();
}
