using System.CommandLine;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Banyan.Cli.Hubs;
using Banyan.Cli.Settings;
using Banyan.Runtime.Models;
using Banyan.Server;
using Banyan.Server.SignIn;
using Banyan.Server.Hub;
using Banyan.Server.Inference;
using Banyan.Server.Inference.Models;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Banyan.Cli;

/// <summary>The options of listening and loading, the same for <c>up</c> and <c>serve</c>, and the life of the server.</summary>
sealed class ServerChoice
{
    readonly Option<int> _port = new("--port", "-p") { Description = "TCP port; 0 takes a free one", DefaultValueFactory = _ => 8080 };
    readonly Option<string> _host = new("--host")
    {
        Description = "localhost, an IP address of this machine, or * for all of them",
        DefaultValueFactory = _ => "localhost",
    };
    readonly Option<string?> _socket = new("--socket")
    {
        Description = "Listen on this Unix socket instead of a port, as for a proxy on this machine",
        HelpName = "PATH",
    };
    readonly Option<string?> _certificate = new("--tls-certificate")
    {
        Description = "Speak TLS (HTTP/2, HTTP/1.1) with this certificate and those above it, in PEM; read again when it changes",
        HelpName = "FILE",
    };
    readonly Option<string?> _certificateKey = new("--tls-key")
    {
        Description = "The certificate's key in PEM (default: in the certificate's file)",
        HelpName = "FILE",
    };
    readonly Option<string> _drain =
        new(DrainOption)
        {
            Description =
            "When stopped, let downloads and streams that are under way go on for so long, e.g. 30s; a second Ctrl-C ends them",
            HelpName = "DURATION",
            DefaultValueFactory = _ => "0s"
        };
    readonly Option<string?> _key = new("--api-key") { Description = "Ask clients for this key (default: the variable BANYAN_API_KEY)" };
    readonly Option<string?> _keys = KeyChoice.NewOption();
    readonly Option<string[]> _hosts = new("--allow-host")
    {
        Description = "Also answer under this host name (may be given several times)",
    };
    readonly Option<string[]> _origins = new("--allow-origin")
    {
        Description = "Let pages of this origin use the API, e.g. https://example.org (may be given several times)",
    };
    readonly Option<int?> _threads = CommandParts.Threads();
    readonly Option<int?> _context = new("--context")
    {
        Description = "The most tokens of prompt and answer (default: what the model was trained for)",
    };
    readonly Option<int> _queue = new("--queue")
    {
        Description = "Generations a model runs or keeps waiting before it refuses more",
        DefaultValueFactory = _ => new InferenceOptions().MaxPending,
    };
    readonly Option<string?> _memory = new("--memory")
    {
        Description = "The most weights in memory, e.g. 12GB: a model takes the place of those that nobody uses (default: no bound)",
        HelpName = "AMOUNT",
    };
    readonly Option<string?> _keep = new("--keep-alive")
    {
        Description = "Unload a model after so long without a request, e.g. 10m (default: never)",
        HelpName = "DURATION",
    };
    readonly Option<FileInfo?> _template = new("--chat-template")
    {
        Description = "Jinja file to use instead of the model's own chat template",
    };

    readonly Option<bool> _access = new("--access-log") { Description = "Log each request: its id, user, route, status, bytes, time" };
    readonly Option<bool> _addresses = new("--log-addresses") { Description = "In the access log, also the address of who asked" };
    readonly Option<string> _format = new("--log-format")
    {
        Description = "plain for people, json for programs: one object a line",
        DefaultValueFactory = _ => "plain",
    };

    const string DrainOption = "--drain";

    /// <summary>How long a command's server may take to stop; zero for commands that have none.</summary>
    /// <exception cref="CommandException">It is not a duration.</exception>
    public static TimeSpan DrainOf(ParseResult arguments) =>
        arguments.CommandResult.Command.Options.FirstOrDefault(o => o.Name == DrainOption) is not Option<string> option ? TimeSpan.Zero
        : arguments.GetValue(option) is { } text && KeepAlive.TryParse(text, out var span) && span is { } length && length >= TimeSpan.Zero
        && length <= s_longest ? length
        : throw new CommandException($"{DrainOption} {arguments.GetValue(option)}: a duration like 30s, at most an hour, is needed");

    static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    /// <summary>Adds its options to a command.</summary>
    public ServerChoice(Command command)
    {
        _context.Between(2, int.MaxValue);
        _queue.Between(1, int.MaxValue);
        _format.AcceptOnlyFromAmong("plain", "json");
        ServerSettings.Add(command, _port, _host, _socket, _certificate, _certificateKey, _drain, _threads, _context, _key, _keys,
            _template, _queue, _memory, _keep, _hosts, _origins, _access, _addresses, _format);
    }

    static readonly PosixSignal[] s_stops = [PosixSignal.SIGINT, PosixSignal.SIGTERM];
    static IReadOnlyList<PosixSignalRegistration> s_again = [];

    /// <summary>Serves until Ctrl-C; exit code 0 after that.</summary>
    /// <exception cref="CommandException">It cannot start.</exception>
    public async Task<int> RunAsync(ParseResult arguments, IReadOnlyList<string> models, string? modelsFolder, HubOptions? hub,
        string dataFolder, CancellationToken cancellationToken, string? draft = null, IReadOnlyList<string>? adapters = null,
        IReadOnlyList<AddedPage>? added = null, Action<WebApplication>? map = null)
    {
        if (arguments.GetValue(_template) is { Exists: false } missing)
            throw new CommandException($"there is no file '{missing}': --chat-template names a Jinja file");
        TimeSpan? keep = arguments.GetValue(_keep) is not { } written ? null : KeepAlive.TryParse(written, out var span) ? span
            : throw new CommandException($"--keep-alive {written}: a duration like 10m or 1h30m is needed");
        var file = ServerSettings.FileOf(arguments);
        var runtime = new ModelOptions { ContextLength = arguments.GetValue(_context) };
        var options = new ServerOptions
        {
            Host = arguments.GetRequiredValue(_host),
            Port = arguments.GetValue(_port),
            Socket = arguments.GetValue(_socket),
            TlsCertificate = arguments.GetValue(_certificate),
            TlsKey = arguments.GetValue(_certificateKey),
            Drain = DrainOf(arguments),
            ApiKey = arguments.GetValue(_key),
            KeysFile = KeyChoice.Path(arguments.GetValue(_keys), dataFolder),
            AllowedHosts = arguments.GetValue(_hosts) ?? [],
            AllowedOrigins = arguments.GetValue(_origins) ?? [],
            LogsRequests = arguments.GetValue(_access) || arguments.GetValue(_addresses),
            LogsAddresses = arguments.GetValue(_addresses),
            LogsJson = arguments.GetValue(_format) == "json",
            Hub = hub,
            Added = added ?? [],
            Inference = new()
            {
                Models = models,
                Draft = draft,
                Adapters = adapters ?? [],
                ModelsFolder = modelsFolder,
                Runtime = arguments.GetValue(_threads) is { } threads ? runtime with { Threads = threads } : runtime,
                ChatTemplate = arguments.GetValue(_template) is { } jinja
                    ? await File.ReadAllTextAsync(jinja.FullName, cancellationToken) : null,
                MaxPending = arguments.GetValue(_queue),
                MemoryBytes = arguments.GetValue(_memory) is { } amount ? ByteAmount.Parse("--memory", amount) : null,
                KeepAlive = keep,
                Pull = ModelPull.ForServerAsync,
                Settings = ModelTables.Read(file),
                SettingsFile = file,
                ReadSettings = () => ModelTables.Read(file),
            },
        };
        if (options.Problems() is { Count: > 0 } problems)
            throw new CommandException(string.Join("; ", problems));

        var app = BanyanServer.Build(options);
        map?.Invoke(app);
        try
        {
            await app.StartAsync(cancellationToken);
            await AnnounceAsync(app, options);
            // Who asks twice does not want to wait; nothing that was acknowledged is lost by it.
            app.Lifetime.ApplicationStopping.Register(() => s_again =
                [.. s_stops.Select(s => PosixSignalRegistration.Create(s, _ => Environment.Exit(Exit.Interrupted)))]);
            await app.WaitForShutdownAsync(cancellationToken);
            return 0;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        catch (Exception e) when (SocketErrorOf(e) is { } error)
        {
            throw new CommandException(error switch
            {
                SocketError.AddressAlreadyInUse when options.Socket is { } socket =>
                    $"{socket} is there already, and a program listens at it or it is no socket: stop the program, or choose another with --socket PATH",
                SocketError.AddressAlreadyInUse =>
                    $"port {options.Port} is already in use: stop the program that has it, or choose another with --port N (0 takes a free one)",
                SocketError.AccessDenied => $"port {options.Port} needs more rights: choose one above 1023 with --port N",
                _ => $"cannot listen on {options.Host}: {e.Message}",
            });
        }
        finally
        {
            await StopAsync(app);
        }
    }

    static async Task AnnounceAsync(WebApplication app, ServerOptions options)
    {
        // Sockets that systemd opened have no address that is known here.
        var address =
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.FirstOrDefault(a =>
                !a.Contains("://unix:", StringComparison.Ordinal)) ?? "http://localhost";
        var uri = new Uri(address.Replace("://[::]", "://localhost", StringComparison.Ordinal)
            .Replace("://0.0.0.0", "://localhost", StringComparison.Ordinal)
            .Replace("://127.0.0.1", "://localhost", StringComparison.Ordinal));
        var root = options.Hub?.PublicUrl?.TrimEnd('/') ?? uri.GetLeftPart(UriPartial.Authority);
        var elsewhere = options.IsOpen ? string.Join("  ", NetworkAddresses(options).Select(a => $"{uri.Scheme}://{a}:{uri.Port}")) : "";
        var setup = options.Hub is null ? null : await app.Services.GetRequiredService<SignInLinks>().BeginAsync(CancellationToken.None);
        await Console.Out.WriteLineAsync($"""

              Banyan is at  {root}{(options.Socket is { } socket ? $" (by {socket})" : "")}{(elsewhere.Length > 0 ? $"\n  From others   {elsewhere}" : "")}
              API           {root}/v1  (OpenAI-compatible{(options.AsksForKey ? ", with an API key" : "")})
              Models        {Names(options.Inference)}{(options.Hub is { } hub ? $"\n  Hub           HF_ENDPOINT={root}  (repositories in {hub.DataFolder})" : "")}{(setup is null ? "" : $"\n  Set it up     {root}/join?code={setup}  (makes the administrator, once)")}

              Ctrl-C stops it.

            """);
        if (options is { IsOpen: true, TlsCertificate: null })
            await Console.Error.WriteLineAsync(
                $"warning: anyone who reaches this machine's port {uri.Port} {(options.AsksForKey ? "can try keys" : "can use the models (banyan key add makes a key, which is then asked for)")}"
                + $"{(options.Hub is null ? "" : " and read what is public on the hub")}; keys and tokens travel unencrypted: put a proxy with TLS in front, or listen on localhost alone");
    }

    /// <summary>The addresses under which others may reach this machine.</summary>
    static IEnumerable<string> NetworkAddresses(ServerOptions options) =>
        IPAddress.TryParse(options.Host, out var one) && !one.Equals(IPAddress.Any) && !one.Equals(IPAddress.IPv6Any) ? []
        : NetworkInterface.GetAllNetworkInterfaces()
        .Where(n => n.OperationalStatus == OperationalStatus.Up && n.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .Where(a => a.AddressFamily == AddressFamily.InterNetwork).Select(a => a.ToString()).Take(4);

    static string Names(InferenceOptions options)
    {
        var names = string.Join(", ", options.Models.Select(m => Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(m))));
        return options.ModelsFolder is not { } folder ? names : names.Length > 0 ? $"{names}, and those in {folder}" : $"those in {folder}";
    }

    static async Task StopAsync(WebApplication app)
    {
        try
        {
            // Stopped first, also where the start failed half-way: what works in the background must not outlive what it works with.
            await app.StopAsync();
            // A pass of a large model that is under way is not worth waiting for: the process ends, and with it the engine's thread.
            await app.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(3));
        }
        catch (TimeoutException)
        {
        }
    }

    static SocketError? SocketErrorOf(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
            if (exception is SocketException socket)
                return socket.SocketErrorCode;
            else if (exception is Microsoft.AspNetCore.Connections.AddressInUseException)
                return SocketError.AddressAlreadyInUse;
        return null;
    }
}
