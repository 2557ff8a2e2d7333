using System.Net;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Connections;
using Banyan.Server.Hub;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Keys;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Operating;

/// <summary><c>/health/live</c>, <c>/health/ready</c> and <c>/metrics</c>.</summary>
sealed class OperatingEndpoints(Metrics metrics, ServerOptions options, Drain drain, Catalogue catalogue, ApiKeys keys,
    IServiceProvider services)
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>200 as long as the process responds; restart it if it does not.</summary>
    public Task LiveAsync(HttpContext context) => AnswerAsync(context, 200, new JsonObject { ["status"] = "ok" });

    /// <summary>200 if requests can be served, else 503 with what is missing, so that requests can be sent elsewhere.</summary>
    public async Task ReadyAsync(HttpContext context)
    {
        var checks = new JsonObject();
        if (drain.IsStopping)
            checks["server"] = "is stopping";
        checks["model"] = catalogue.Default switch
        {
            null or { Loaded: not null } or { WasUnloaded: true, Failure: null } => "ok",
            { Failure: not null } => "could not be loaded: the server's log says why",
            _ => "loading",
        };
        if (options.Hub is { } hub)
        {
            checks["database"] = await CheckAsync("does not answer",
                c => services.GetRequiredService<HubDatabase>()
                    .ReadAsync(d => d.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM settings"), c), context);
            checks["storage"] = await CheckAsync("cannot be written to", c => WriteAsync(hub.DataFolder, c), context);
            var limits = services.GetRequiredService<StorageLimits>();
            if (hub.S3 is null)
                checks["disk"] = await CheckAsync("has less free space than its floor: nothing more is taken in", async c =>
            {
                if (limits.FreeSpace < await limits.FloorAsync(c))
                    throw new IOException();
            }, context);
        }
        var isReady = checks.All(c => c.Value!.GetValue<string>() == "ok");
        await AnswerAsync(context, isReady ? 200 : 503, new JsonObject { ["status"] = isReady ? "ok" : "not ready", ["checks"] = checks });
    }

    // A name that nothing else uses; what it holds is nobody's.
    static async Task WriteAsync(string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, $".ready-{Guid.NewGuid():N}");
        try
        {
            await File.WriteAllTextAsync(file, "ready", cancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    static async Task<string> CheckAsync(string otherwise, Func<CancellationToken, Task> check, HttpContext context)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        patience.CancelAfter(s_patience);
        try
        {
            await check(patience.Token);
            return "ok";
        }
        catch (Exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            return otherwise;
        }
    }

    /// <summary>For clients on this machine, holders of the API key, and the hub's administrators.</summary>
    public async Task MetricsAsync(HttpContext context)
    {
        if (!await MayAsync(context))
            throw ApiException.Unauthorized(
                "Metrics are told to who is on this machine, to an administrator's token, and to the API key: send it as \"Authorization: Bearer …\".");
        if (services.GetService<HubGauges>() is { } gauges)
            await gauges.RefreshAsync(context.RequestAborted);
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(metrics.Text(), context.RequestAborted);
    }

    async Task<bool> MayAsync(HttpContext context)
    {
        // A proxy on this machine speaks for others.
        var request = context.Request;
        if (context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            && !request.Headers.ContainsKey("X-Forwarded-For") && !request.Headers.ContainsKey("X-Forwarded-Host")
            && !request.Headers.ContainsKey("Via"))
            return true;
        if (keys.AreAsked && KeysFeature.TextOf(request) is { } key && keys.Find(key) is not null)
            return true;
        return services.GetService<Authoriser>() is { } authoriser && await services.GetRequiredService<AccountStore>()
            .IsAdminAsync(await authoriser.CallerAsync(context), context.RequestAborted);
    }

    static Task AnswerAsync(HttpContext context, int status, JsonObject json)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(json, HubJson.Options, context.RequestAborted);
    }
}
