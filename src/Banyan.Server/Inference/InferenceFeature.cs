using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.OpenAi.Completions;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Inference;

/// <summary>Models over HTTP: OpenAI's API, llama.cpp's <c>/infill</c>, health and status.</summary>
static class InferenceFeature
{
    public static void AddInference(this IServiceCollection services, InferenceOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<Bodies>();
        services.AddSingleton<Catalogue>();
        services.AddSingleton<Telemetry>();
        services.AddSingleton<ChatEndpoint>();
        services.AddSingleton<CompletionEndpoint>();
        services.AddSingleton<InfillEndpoint>();
        services.AddSingleton<StatusEndpoints>();
        services.AddHostedService<Preload>();
    }

    public static void MapInference(this WebApplication app)
    {
        var status = app.Services.GetRequiredService<StatusEndpoints>();
        app.MapGet("/health", status.HealthAsync).WithMetadata(OpenAiDialect.Open);
        var models = app.MapGroup("").WithMetadata(OpenAiDialect.Guarded);
        models.MapGet("/status", status.StatusAsync);
        models.MapGet("/v1/models", status.ModelsAsync);
        models.MapGet("/v1/models/{**id}", (RequestDelegate)(context => status.ModelAsync(context, context.GetRouteValue("id") as string ?? "")));

        models.MapPost("/v1/chat/completions", Stoppable(app, app.Services.GetRequiredService<ChatEndpoint>().HandleAsync));
        models.MapPost("/v1/completions", Stoppable(app, app.Services.GetRequiredService<CompletionEndpoint>().HandleAsync));
        models.MapPost("/infill", Stoppable(app, app.Services.GetRequiredService<InfillEndpoint>().HandleAsync));
    }

    /// <summary>A generation ends when its client leaves and when the server stops.</summary>
    public static RequestDelegate Stoppable(WebApplication app, Func<HttpContext, CancellationToken, Task> handle) => async context =>
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, app.Lifetime.ApplicationStopping);
        await handle(context, stop.Token);
    };
}
