using Banyan.Server.Access;
using Banyan.Server.Connections;
using Banyan.Server.Hub;
using Banyan.Server.Inference;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Keys;
using Banyan.Server.Operating;
using Banyan.Server.Pages;
using Banyan.Server.Viewer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Banyan.Server;

/// <summary>Banyan's web server: each feature is one AddX and one MapX.</summary>
public static class BanyanServer
{
    const int ResponseBufferBytes = 128 << 10;

    /// <summary>
    /// The server, ready to start. It reads its options, no settings file, and from the environment only the variables of systemd
    /// (LISTEN_FDS, NOTIFY_SOCKET) and OpenTelemetry (OTEL_…).
    /// </summary>
    /// <exception cref="ArgumentException">The options cannot work; the message says why.</exception>
    public static WebApplication Build(ServerOptions options)
    {
        if (options.Problems() is { Count: > 0 } problems)
            throw new ArgumentException(string.Join("\n", problems), nameof(options));

        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = "Banyan.Server" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            // The next piece of a file is read while the last is sent; more would only wait in memory for who reads slowly.
            kestrel.Limits.MaxResponseBufferSize = ResponseBufferBytes;
            kestrel.Listen(options);
        });
        builder.Logging.AddConsole(c => c.FormatterName = options.LogsJson ? ConsoleFormatterNames.Json : PlainConsole.Name)
            .AddConsoleFormatter<PlainConsole, ConsoleFormatterOptions>()
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Hosting.Lifetime", LogLevel.None)                  // the command prints address and errors
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        builder.Services.Configure<JsonConsoleFormatterOptions>(j => (j.UseUtcTimestamp, j.TimestampFormat) =
            (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
        builder.Services.Configure<HostOptions>(h => h.ShutdownTimeout = options.Drain > Drain.Least ? options.Drain : Drain.Least);
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(new ConnectionBlocks());
        builder.Services.AddRoutingCore();
        AnswerCompression.Add(builder.Services);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(options.Hub?.Clock ?? options.Clock);
        builder.Services.AddSingleton<Drain>();
        builder.Services.AddHostedService<ServiceManager>();
        builder.Services.AddSingleton(s => new Dialects(s.GetServices<EndpointDataSource>(),
            options.Hub is null ? OpenAiDialect.Guarded : HubDialect.Instance));
        builder.Services.AddInference(options.Inference);
        builder.Services.AddApiKeys();
        if (options.Hub is { } hub)
            builder.Services.AddHub(hub);
        builder.Services.AddPages(options.Added);
        builder.Services.AddOperating(options.Hub is not null);
        builder.Services.AddAccessLog(options);
        if (OtlpExport.IsWanted)
            builder.AddOtlp();

        var app = builder.Build();
        _ = app.Services.GetRequiredService<Drain>();
        app.Lifetime.ApplicationStarted.Register(() => Listening.RestrictSocket(options));
        app.UseSecurityHeaders();
        app.UseResponseCompression();
        app.UsePathPrefix();
        app.UseAccessLog(options);
        app.UseErrorAnswers();
        app.UseHostCheck(options);
        if (options.Hub is not null)
            app.UseDatasetsHost();
        app.UseForwardedAddress();
        app.UseOriginCheck(options);
        app.UseRoutingWithHead();
        app.UseApiKeys();
        if (options.Hub is not null)
            app.UseHubMode();
        app.MapInference();
        if (options.Hub is not null)
            app.MapHub();
        app.MapPages(options.Hub is not null);
        app.MapOperating();
        return app;
    }
}
