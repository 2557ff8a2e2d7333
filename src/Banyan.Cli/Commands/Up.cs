using System.CommandLine;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Settings;
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
        Description = "Keep BF16 weights in 71 % of their bytes under --data; they are served at half the speed, and by chunks uncompressed",
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
        ServerSettings.Add(this, _pack, _webhooks, _runs);
        _arenas = new HubArena(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var folder = _hub.Folder(arguments);
        if (Prepare(folder) is { } problem)
            throw new CommandException($"--data {folder} cannot be used: {problem}. Choose a folder you may write to with --data DIR");
        var shipped = Sprout.Files(folder);
        var options = _hub.Options(arguments) with { Shipped = [new ShippedRepo("banyan", Sprout.Name, shipped)], PacksWeights = arguments.GetValue(_pack), AllowPrivateWebhooks = arguments.GetValue(_webhooks), Providers = SignInTables.Read(ServerSettings.FileOf(arguments)), TuneFolder = arguments.GetValue(_runs) is { } tune ? TuneFolder(tune) : null };
        _hub.Warn(arguments, options);
        await using var arena = await _arenas.OpenAsync(arguments, folder, cancellationToken);
        return await _server.RunAsync(arguments, [shipped[Sprout.Weights]], Path.Combine(folder, "models"), options, folder, cancellationToken,
            added: arena is null ? [] : [ArenaSite.Link], map: arena is null ? null : app => ArenaSite.Map(app, arena.Rounds));
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
