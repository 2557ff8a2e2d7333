using System.CommandLine;

namespace Banyan.Cli.Settings;

/// <summary>The settings of a server and of the commands beside it: options that a file and environment variables can give as well. The
/// command line takes precedence over a variable (<c>BANYAN_PUBLIC_URL</c>; with <c>_FILE</c> the file that holds the value), the variable
/// over the file, the file over the default. Values of variables and file are added to the command line before it is parsed, so that every
/// value is checked in the same way.</summary>
static class ServerSettings
{
    const string FileOption = "--config", FileVariable = "BANYAN_CONFIG";

    static readonly Dictionary<Command, List<Option>> s_settings = [];
    static readonly Dictionary<string, string> s_sources = [];

    /// <summary>Where the settings file is searched if none is named: the first that exists.</summary>
    public static IReadOnlyList<string> Places { get; } = [Path.Combine(HubChoice.DefaultFolder, "banyan.toml"), "/etc/banyan/banyan.toml"];

    /// <summary>All settings, by name.</summary>
    public static IReadOnlyList<Option> All =>
        [.. s_settings.Values.SelectMany(o => o).Where(o => o.Name != FileOption).DistinctBy(o => o.Name)];

    /// <summary>Adds options to a command, as settings.</summary>
    public static void Add(Command command, params IEnumerable<Option> options)
    {
        if (!s_settings.TryGetValue(command, out var settings))
        {
            s_settings[command] = settings = [];
            var file = new Option<string?>(FileOption)
            {
                Description =
                    $"TOML file of settings (default: the variable {FileVariable}, else {Places[0]} or {Places[1]}; see banyan config show)",
                HelpName = "FILE",
            };
            command.Options.Add(file);
            settings.Add(file);
        }
        foreach (var option in options)
        {
            command.Options.Add(option);
            settings.Add(option);
        }
    }

    /// <summary>Whether a setting of this name was on the command line itself, where every user of the machine can read it.</summary>
    public static bool IsOnCommandLine(string name) => !s_sources.ContainsKey(name);

    /// <summary>Remembers the source of a setting's value, for messages.</summary>
    public static void Remember(string name, string source) => s_sources[name] = source;

    /// <summary>The command line, completed with settings from variables and the file.</summary>
    /// <exception cref="CommandException">The file cannot be read, or has an unknown setting.</exception>
    public static string[] Complete(RootCommand banyan, string[] args)
    {
        var parsed = banyan.Parse(args);
        if (!s_settings.TryGetValue(parsed.CommandResult.Command, out var options) || parsed.Action is System.CommandLine.Help.HelpAction)
            return args;
        var file = options.OfType<Option<string?>>().First(o => o.Name == FileOption);
        var said = Read(parsed.GetResult(file) is { Implicit: false } ? parsed.GetValue(file) : null);
        var added = new List<string>();
        foreach (var option in options.Where(o => o.Name != FileOption && parsed.GetResult(o) is null or { Implicit: true }))
        {
            if (!said.TryGetValue(option.Name, out var setting))
                continue;
            s_sources[option.Name] = setting.Source;
            added.AddRange(Arguments(option, setting));
        }
        // Behind what was written, but before a "--" that ends the options.
        var end = Array.IndexOf(args, "--");
        return end < 0 ? [.. args, .. added] : [.. args[..end], .. added, .. args[end..]];
    }

    /// <summary>Adds the source of a setting's value to a message.</summary>
    public static string Locate(string message)
    {
        foreach (var (name, source) in s_sources)
            if (message.Contains(name, StringComparison.Ordinal))
                return $"{message} (from {source})";
        return message;
    }

    /// <summary>A value and its source.</summary>
    public sealed record Setting(IReadOnlyList<string> Values, string Source);

    /// <summary>The values of file and variables, by option.</summary>
    /// <param name="path">A file, if one was named.</param>
    /// <exception cref="CommandException">The file cannot be read, or has an unknown setting.</exception>
    public static IReadOnlyDictionary<string, Setting> Read(string? path)
    {
        var (problems, said) = (new List<string>(), new Dictionary<string, Setting>());
        var known = All.ToDictionary(o => o.Name);
        if (FileOf(path) is { } file)
        {
            foreach (var entry in SettingsFile.Read(file, problems))
            {
                if (known.ContainsKey("--" + entry.Name))
                    said["--" + entry.Name] = new(entry.Values, entry.Place);
                else
                    problems.Add(
                        $"{entry.Place}: there is no setting '{entry.Name}'{ParseErrors.Suggestion(known.Keys.Select(k => k[2..]), entry.Name)}");
            }
        }
        foreach (var option in known.Values)
        {
            var name = Variable(option);
            if (Value(name) is { } value)
                said[option.Name] = new(IsList(option)
                    ? value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [value], name);
            else if (Value(name + "_FILE") is { } secret)
                Try(secret, text => said[option.Name] = new([text.TrimEnd('\r', '\n')], $"{name}_FILE={secret}"), problems, name + "_FILE");
        }
        return problems.Count == 0 ? said : throw new CommandException(string.Join("; ", problems));
    }

    /// <summary>The variable of a setting: <c>--public-url</c> is <c>BANYAN_PUBLIC_URL</c>.</summary>
    public static string Variable(Option option) => "BANYAN_" + option.Name[2..].Replace('-', '_').ToUpperInvariant();

    /// <summary>The file of settings that is used; null if there is none.</summary>
    /// <exception cref="CommandException">The named file does not exist.</exception>
    public static string? FileOf(string? named)
    {
        if ((named ?? Value(FileVariable)) is { } told)
            return File.Exists(told) ? Path.GetFullPath(told)
                : throw new CommandException($"{(named is null ? FileVariable : FileOption)} {told}: there is no such file");
        return Places.FirstOrDefault(IsReadable);
    }

    /// <summary>The file of settings that a command uses; null if there is none.</summary>
    public static string? FileOf(ParseResult arguments)
    {
        var file = s_settings.TryGetValue(arguments.CommandResult.Command, out var options)
            ? options.OfType<Option<string?>>().First(o => o.Name == FileOption) : null;
        return FileOf(file is not null && arguments.GetResult(file) is { Implicit: false } ? arguments.GetValue(file) : null);
    }

    // The service's settings may hold secrets that are not for everyone on the machine.
    static bool IsReadable(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"warning: {path} may not be read by this account: its settings are not used");
            return false;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>A setting as command-line arguments.</summary>
    public static IEnumerable<string> Arguments(Option option, Setting setting)
    {
        if (option.ValueType != typeof(bool))
            return setting.Values.Select(value => $"{option.Name}={value}");
        return setting.Values is ["true"] or ["1"] ? [option.Name] : setting.Values is ["false"] or ["0"] or [""] ? []
            : [$"{option.Name}={string.Join(",", setting.Values)}"];
    }

    static bool IsList(Option option) => option.ValueType.IsArray;

    static string? Value(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    static void Try(string path, Action<string> use, List<string> problems, string variable)
    {
        try
        {
            use(File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{variable}={path}: {e.Message.TrimEnd('.')}");
        }
    }
}
