using System.CommandLine;
using Banyan.Server.Keys;

namespace Banyan.Cli;

/// <summary>The option that says where API keys are stored, shared by the servers, which require them, and <c>banyan key</c>, which creates
/// them.</summary>
static class KeyChoice
{
    public static Option<string> NewDataOption() => new("--data")
    {
        Description = "Folder for everything Banyan keeps",
        DefaultValueFactory = _ => HubChoice.DefaultFolder,
    };

    public static Option<string?> NewOption() => new("--keys")
    {
        Description = "File of API keys that banyan key makes; if it exists, requests need a key (default: keys.json under --data)",
        HelpName = "FILE",
    };

    /// <summary>The named file, or the one in the data folder.</summary>
    public static string Path(string? named, string dataFolder) =>
        System.IO.Path.GetFullPath(named ?? System.IO.Path.Combine(dataFolder, "keys.json"));

    /// <summary>The file named by a command's options.</summary>
    public static KeyFile Open(ParseResult arguments, Option<string> data, Option<string?> keys) =>
        new(Path(arguments.GetValue(keys), arguments.GetRequiredValue(data)));
}
