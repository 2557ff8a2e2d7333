using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Banyan.Cli.Settings;

/// <summary>A TOML file of a command's options and arguments, <c>--config FILE</c>, one per line by name, so that a run can be repeated.
/// The command line takes precedence over the file.</summary>
static class RunFile
{
    const string FileOption = "--config";

    static readonly JsonSerializerOptions s_text = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    static readonly HashSet<Command> s_commands = [];

    /// <summary>Adds <c>--config</c> to a command.</summary>
    public static void Add(Command command)
    {
        command.Options.Add(
            new Option<string?>(FileOption) { Description = "TOML file of arguments and options, by their names", HelpName = "FILE" });
        s_commands.Add(command);
    }

    /// <summary>The command line, completed with the file's values.</summary>
    /// <exception cref="CommandException">The file cannot be read, or has unknown settings.</exception>
    public static string[] Complete(RootCommand banyan, string[] args)
    {
        var parsed = banyan.Parse(args);
        var command = parsed.CommandResult.Command;
        if (!s_commands.Contains(command) || parsed.Action is System.CommandLine.Help.HelpAction
            || parsed.GetResult(command.Options.First(o => o.Name == FileOption)) is not { Implicit: false, Tokens: [var file] })
            return args;
        var said = Read(file.Value, command);
        var (options, values) = (new List<string>(), new List<string>());
        foreach (var option in command.Options.Where(o => parsed.GetResult(o) is null or { Implicit: true }))
            if (said.TryGetValue(option.Name, out var setting))
            {
                ServerSettings.Remember(option.Name, setting.Source);
                options.AddRange(ServerSettings.Arguments(option, setting));
            }
        foreach (var argument in command.Arguments.Where(a => parsed.GetResult(a) is not { Tokens.Count: > 0 }))
            if (said.TryGetValue(argument.Name, out var setting))
                values.AddRange(setting.Values);
            else
                break;
        // An option that takes several values would take the arguments for more of them: these stand behind "--".
        var end = Array.IndexOf(args, "--");
        return end < 0 ? [.. args, .. options, "--", .. values] : [.. args[..end], .. options, .. args[end..], .. values];
    }

    // By the option's or argument's name.
    static Dictionary<string, ServerSettings.Setting> Read(string path, Command command)
    {
        if (!File.Exists(path))
            throw new CommandException($"{FileOption} {path}: there is no such file");
        var (problems, said) = (new List<string>(), new Dictionary<string, ServerSettings.Setting>());
        var known = command.Options.Where(o => o.Name.StartsWith("--", StringComparison.Ordinal)
            && o.Name is not FileOption and not "--help").Select(o => o.Name)
            .Concat(command.Arguments.Select(a => a.Name)).ToDictionary(NameOf);
        foreach (var entry in SettingsFile.Read(path, problems))
        {
            if (!known.TryGetValue(entry.Name, out var name))
                problems.Add($"{entry.Place}: there is no setting '{entry.Name}'{ParseErrors.Suggestion(known.Keys, entry.Name)}");
            else if (entry.Values.Count != 1 && command.Options.FirstOrDefault(o => o.Name == name)?.ValueType.IsArray != true)
                problems.Add($"{entry.Place}: {entry.Name} has {entry.Values.Count} values, where one is needed");
            else
                said[name] = new(entry.Values, entry.Place);
        }
        return problems.Count == 0 ? said : throw new CommandException(string.Join("; ", problems));
    }

    static string NameOf(string symbol) => symbol.TrimStart('-').ToLowerInvariant();

    /// <summary>A file with the given values, by the names of options and arguments; null values are omitted.</summary>
    /// <param name="comment">Its first line.</param>
    /// <param name="values">Strings, numbers, booleans, lists of strings.</param>
    public static string Text(string comment, IEnumerable<(string Name, object? Value)> values)
    {
        var text = new StringBuilder($"# {comment}\n");
        foreach (var (name, value) in values)
            if (value is not null)
                text.Append(CultureInfo.InvariantCulture, $"{NameOf(name)} = {Written(value)}\n");
        return text.ToString();
    }

    // JSON's texts and lists of them are TOML's too.
    static string Written(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        double or float => ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture) is var number
            && number.All(c => char.IsAsciiDigit(c) || c == '-') ? number + ".0" : number.ToLowerInvariant(),
        int or long or ulong => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        _ => JsonSerializer.Serialize(value, s_text),
    };
}
