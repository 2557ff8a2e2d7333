using System.CommandLine;
using Banyan.Cli.Settings;
using Banyan.Server.Hub;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Npgsql;

namespace Banyan.Cli;

/// <summary>The options that say where a hub is, the same for <c>up</c> and everything under <c>hub</c>.</summary>
sealed class HubChoice
{
    /// <summary>The default data folder.</summary>
    public static readonly string DefaultFolder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan");

    readonly Option<string> _data = KeyChoice.NewDataOption();
    readonly Option<string?> _database = new("--database")
    {
        Description =
            "PostgreSQL (\"Host=…;Database=…;Username=…\"; its password in the variable PGPASSWORD or the file that PGPASSFILE names, since every account of a machine reads command lines) "
            + "or the path of a SQLite file (default: the variable BANYAN_DATABASE, else hub.db under --data)",
    };

    readonly Option<string?> _objects = new("--objects")
    {
        Description =
            "s3://BUCKET/PREFIX for large files, with the variables AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: under --data)",
    };
    readonly Option<string?> _url = new("--public-url")
    {
        Description = "Address under which clients reach the hub, where a proxy hides it",
    };

    /// <summary>Adds its options to a command.</summary>
    public HubChoice(Command command) => ServerSettings.Add(command, _data, _database, _objects, _url);

    /// <summary>The data folder.</summary>
    public string Folder(ParseResult arguments) => Path.GetFullPath(arguments.GetRequiredValue(_data));

    /// <summary>The options by which another command finds the same hub, without the database's password.</summary>
    public static string Place(HubOptions hub) =>
        $"{(hub.DataFolder == DefaultFolder ? "" : $" --data {hub.DataFolder}")}{(hub.Database is null || !ServerSettings.IsOnCommandLine("--database") ? "" : " --database …")}";

    /// <summary>Where the hub is.</summary>
    /// <exception cref="CommandException">An option is invalid.</exception>
    public HubOptions Options(ParseResult arguments) => new()
    {
        DataFolder = Folder(arguments),
        Database = arguments.GetValue(_database) is { } database ? Checked(database) : null,
        S3 = arguments.GetValue(_objects) is { } objects ? S3(objects) : null,
        PublicUrl = arguments.GetValue(_url),
    };

    /// <summary>Warns on stderr if others on this machine can read the hub's files.</summary>
    public void Warn(ParseResult arguments, HubOptions hub)
    {
        if (ServerSettings.IsOnCommandLine(_database.Name) && arguments.GetValue(_database) is { } told
            && told.Contains("Password=", StringComparison.OrdinalIgnoreCase))
            Console.Error.WriteLine(
                "warning: every account of this machine can read the password in --database: put it into the variable PGPASSWORD or a file that PGPASSFILE names, or all of it into BANYAN_DATABASE");
        var folders = new List<string> { hub.DataFolder };
        if (hub.DatabaseFile is { } file && Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && folder != hub.DataFolder)
            folders.Add(folder);
        foreach (var warning in folders.Select(Private.Warning).OfType<string>())
            Console.Error.WriteLine($"warning: {warning}");
    }

    static string Checked(string database)
    {
        if (!HubDatabase.IsPostgres(database))
            return database;
        try
        {
            if (new NpgsqlConnectionStringBuilder(database) is { Host: { Length: > 0 } })
                return database;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
        }
        throw new CommandException("--database: expected PostgreSQL's \"Host=…;Database=…;Username=…\", or the path of a SQLite file");
    }

    static S3Options S3(string objects)
    {
        if (!Uri.TryCreate(objects, UriKind.Absolute, out var uri) || uri.Scheme != "s3" || uri.Host.Length == 0)
            throw new CommandException($"--objects {objects}: expected s3://BUCKET or s3://BUCKET/PREFIX");
        var prefix = uri.AbsolutePath.Trim('/');
        return new S3Options(uri.Host, prefix.Length == 0 ? "" : prefix + "/", Variable("AWS_ENDPOINT_URL"),
            Variable("AWS_REGION") ?? "us-east-1",
            Variable("AWS_ACCESS_KEY_ID"), Variable("AWS_SECRET_ACCESS_KEY"));
    }

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
