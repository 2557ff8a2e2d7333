using System.CommandLine;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Settings;
using Banyan.Server.Shipped;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan up</c>: everything, with defaults, under one data folder.</summary>
static class Up
{
    public static Command Create()
    {
        var command = new Command("up", """
            Start everything and print the address

            A hub that Hugging Face's clients use as they are (HF_ENDPOINT=http://localhost:8080), and the models: the one that ships with
            Banyan and every model in the folder models under --data (GGUF files, folders of safetensors), each loaded when it is first asked for. Nothing is downloaded, nothing leaves this machine.

            Examples:
              banyan up
              banyan up --data /srv/banyan --port 9000
              PGPASSWORD=… banyan up --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
            """);
        var hub = new HubChoice(command);
        var server = new ServerChoice(command);
        var pack = new Option<bool>("--pack-weights") { Description = "Keep BF16 weights in 71 % of their bytes under --data; they are served at half the speed, and by chunks uncompressed" };
        var webhooks = new Option<bool>("--allow-private-webhooks") { Description = "Let webhooks go to this machine and its networks as well, not only to the internet" };
        var runs = new Option<string?>("--tune-runs") { Description = "Show the runs of banyan tune whose folders are in this one to administrators, at /tune", HelpName = "DIR" };
        ServerSettings.Add(command, pack, webhooks, runs);
        var arenas = new HubArena(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = hub.Folder(arguments);
            if (Prepare(folder) is { } problem)
                throw new CommandException($"--data {folder} cannot be used: {problem}. Choose a folder you may write to with --data DIR");
            var shipped = Sprout.Files(folder);
            var options = hub.Options(arguments) with { Shipped = [new ShippedRepo("banyan", Sprout.Name, shipped)], PacksWeights = arguments.GetValue(pack), AllowPrivateWebhooks = arguments.GetValue(webhooks), Providers = SignInTables.Read(ServerSettings.FileOf(arguments)), TuneFolder = arguments.GetValue(runs) is { } tune ? TuneFolder(tune) : null };
            hub.Warn(arguments, options);
            await using var arena = await arenas.OpenAsync(arguments, folder, cancellationToken);
            return await server.RunAsync(arguments, [shipped[Sprout.Weights]], Path.Combine(folder, "models"), options, folder, cancellationToken,
                added: arena is null ? [] : [ArenaSite.Link], map: arena is null ? null : app => ArenaSite.Map(app, arena.Rounds));
        });
        return command;
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
