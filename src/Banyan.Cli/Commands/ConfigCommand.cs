using System.CommandLine;
using System.Text.Json;
using Banyan.Cli.Settings;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan config show</c>: every setting of the server, its value, and where it is from.</summary>
static class ConfigCommand
{
    sealed record Row(string Name, string Value, string Source, string Variable, string Description);

    static readonly string[] s_secrets = ["--api-key", "--database"];

    // What libraries read by themselves; the values are nobody's business.
    static readonly string[] s_others = ["PGPASSWORD", "PGPASSFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "HF_ENDPOINT", "HF_TOKEN"];

    public static Command Create()
    {
        var file = new Option<string?>("--config") { Description = "TOML file of settings, as for banyan up", HelpName = "FILE" };
        var json = CommandParts.Json();
        var show = new Command("show", """
            Print every setting of the server, its value, and where it is from

            A setting is an option of banyan up, serve, hub, fsck, backup or restore. It may stand on the command line, in an environment variable (BANYAN_PORT; a secret
            in a file that BANYAN_API_KEY_FILE names), or in a TOML file, in this order:

              data = "/srv/banyan"
              port = 9000
              public-url = "https://models.example.org"
              allow-host = ["models.example.org"]

            Examples:
              banyan config show
              banyan config show --config /etc/banyan/banyan.toml --json
            """) { file, json };
        show.SetAction(arguments =>
        {
            var path = ServerSettings.FileOf(arguments.GetValue(file));
            var said = ServerSettings.Read(path);
            var rows = ServerSettings.All.Select(option => Of(option, said.GetValueOrDefault(option.Name))).ToList();
            rows.AddRange(ModelTables.Entries(path)
                .Select(e => new Row($"models.{e.Model}.{e.Entry.Name}", string.Join(", ", e.Entry.Values),
                    e.Entry.Place, "", "Of one model")));
            rows.AddRange(SignInTables.Entries(path)
                .Select(e => new Row($"{SignInTables.Prefix}{e.Provider}.{e.Entry.Name}", string.Join(", ", e.Entry.Values), e.Entry.Place,
                    "", "Of one provider by which people sign in")));
            if (arguments.GetValue(json))
                Console.Out.WriteLine(JsonSerializer.Serialize(rows,
                    new JsonSerializerOptions(JsonSerializerDefaults.Web)
                    {
                        WriteIndented = true,
                        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
                    }));
            else
                Print(path, rows);
            return 0;
        });
        return new Command("config", "Show the server's settings, their values and where these are from") { show };
    }

    static Row Of(Option option, ServerSettings.Setting? said)
    {
        var value = said is null ? Default(option) : s_secrets.Contains(option.Name) ? "(set)" : string.Join(", ", said.Values);
        return new(option.Name[2..], value, said?.Source ?? "default", ServerSettings.Variable(option), option.Description ?? "");
    }

    static string Default(Option option) => option.HasDefaultValue && option.GetDefaultValue() is { } value and not Array
        ? value is bool flag ? flag ? "true" : "false" : $"{value}" : "";

    static void Print(string? path, List<Row> rows)
    {
        rows.Insert(0, new("Setting", "Value", "From", "Variable", ""));
        var widths = new Func<Row, string>[] { r => r.Name, r => r.Value,
            r => r.Source }.Select(column => rows.Max(r => column(r).Length) + 2).ToArray();
        foreach (var row in rows)
            Console.Out.WriteLine(
                $"{row.Name.PadRight(widths[0])}{row.Value.PadRight(widths[1])}{row.Source.PadRight(widths[2])}{row.Variable}");
        Console.Out.WriteLine(path is null
            ? $"\nNo file of settings: neither {string.Join(" nor ", ServerSettings.Places)} is there" : $"\nFile: {path}");
        if (s_others.Where(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 }).ToList() is { Count: > 0 } others)
            Console.Out.WriteLine($"Also set: {string.Join(", ", others)}");
    }
}
