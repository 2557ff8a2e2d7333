using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Settings;
using Banyan.Server.Mail;
using Banyan.Server.Shipped;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan up</c>: everything, with defaults, under one data folder.</summary>
sealed class Up : Command
{
    readonly HubChoice _hub;
    readonly ServerChoice _server;
    readonly Option<bool> _pack = new("--pack-weights")
    {
        Description =
            "Keep BF16 weights in 71 % of their bytes under --data; they are served at half the speed, and by chunks uncompressed",
    };
    readonly Option<bool> _webhooks = new("--allow-private-webhooks")
    {
        Description = "Let webhooks go to this machine and its networks as well, not only to the internet",
    };
    readonly Option<string?> _runs = new("--tune-runs")
    {
        Description = "Show the runs of banyan tune whose folders are in this one to administrators, at /tune",
        HelpName = "DIR",
    };
    readonly Option<string?> _mail = new("--mail")
    {
        Description =
            "Send mail by this server: smtps://USER@HOST or smtp://USER@HOST:PORT (STARTTLS); for forgotten passwords, invitations and notifications. Takes --mail-from and --public-url",
        HelpName = "URL",
    };
    readonly Option<string?> _mailFrom =
        new("--mail-from") { Description = "The sender of mail: hub@example.org, or \"Our hub <hub@example.org>\"", HelpName = "ADDRESS" };
    readonly Option<string?> _mailPassword =
        new("--mail-password-file") { Description = "The file that holds the password of the mail server's user", HelpName = "FILE" };
    readonly Option<string?> _mailAuthority =
        new("--mail-ca")
        {
            Description = "A PEM file of the authority that vouches for the mail server, instead of the system's",
            HelpName = "FILE"
        };
    readonly HubArena _arenas;

    public Up() : base("up", """
        Start everything and print the address

        A hub that Hugging Face's clients use as they are (HF_ENDPOINT=http://localhost:8080), and the models: the one that ships with
        Banyan and every model in the folder models under --data (GGUF files, folders of safetensors), each loaded when it is first asked for. Nothing is downloaded, nothing leaves this machine.

        Examples:
          banyan up
          banyan up --data /srv/banyan --port 9000
          PGPASSWORD=… banyan up --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
        """)
    {
        _hub = new HubChoice(this);
        _server = new ServerChoice(this);
        ServerSettings.Add(this, _pack, _webhooks, _runs, _mail, _mailFrom, _mailPassword, _mailAuthority);
        _arenas = new HubArena(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var folder = _hub.Folder(arguments);
        if (Prepare(folder) is { } problem)
            throw new CommandException($"--data {folder} cannot be used: {problem}. Choose a folder you may write to with --data DIR");
        var shipped = Sprout.Files(folder);
        var options = _hub.Options(arguments) with
        {
            Shipped = [new ShippedRepo("banyan", Sprout.Name, shipped)],
            PacksWeights = arguments.GetValue(_pack),
            AllowPrivateWebhooks = arguments.GetValue(_webhooks),
            Providers = SignInTables.Read(ServerSettings.FileOf(arguments)),
            TuneFolder = arguments.GetValue(_runs) is { } tune ? TuneFolder(tune) : null,
            Mail = Mail(arguments)
        };
        if (options is { Mail: not null, PublicUrl: null })
            throw new CommandException(
                "--mail: mail contains links, so it takes --public-url, the address under which people reach the hub");
        _hub.Warn(arguments, options);
        await using var arena = await _arenas.OpenAsync(arguments, folder, cancellationToken);
        return await _server.RunAsync(arguments, [shipped[Sprout.Weights]], Path.Combine(folder, "models"), options,
            folder, cancellationToken,
            added: arena is null ? [] : [ArenaSite.Link], map: arena is null ? null : app => ArenaSite.Map(app, arena.Rounds));
    }

    MailOptions? Mail(ParseResult arguments)
    {
        if (arguments.GetValue(_mail) is not { } server)
            return null;
        if (arguments.GetValue(_mailFrom) is not { } from)
            throw new CommandException("--mail: --mail-from says who the mail is from");
        string? password = null;
        try
        {
            password = arguments.GetValue(_mailPassword) is { } file ? File.ReadAllText(file).TrimEnd('\r', '\n') : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--mail-password-file cannot be read: {SystemProblem.Of(e)}");
        }
        var options = MailOptions.Parse(server, from, password)
            ?? throw new CommandException(
                "--mail: expected smtps://USER@HOST:PORT or smtp://USER@HOST:PORT without a password (--mail-password-file FILE holds it), and an address in --mail-from");
        return arguments.GetValue(_mailAuthority) is { } authority ? options with { Authorities = Authorities(authority) } : options;
    }

    static X509Certificate2Collection Authorities(string file)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CommandException($"--mail-ca cannot be read: {(e is CryptographicException ? e.Message : SystemProblem.Of(e))}");
        }
        return found.Count > 0 ? found : throw new CommandException($"--mail-ca {file}: there is no certificate in it (PEM)");
    }

    static string TuneFolder(string folder) => Directory.Exists(folder) ? Path.GetFullPath(folder)
        : throw new CommandException($"--tune-runs {folder}: there is no such folder; name the one that the runs' own folders are in");

    /// <summary>Makes the folder and tries to write into it; says what went wrong.</summary>
    static string? Prepare(string folder)
    {
        try
        {
            Private.CreateFolder(folder);
            Directory.CreateDirectory(Path.Combine(folder, "models"));
            var probe = Path.Combine(folder, $".write-{Environment.ProcessId}");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return SystemProblem.Of(e);
        }
    }
}
