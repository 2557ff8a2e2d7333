using Banyan.Server.Connections;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.OpenAi.Completions;
using Banyan.Server.Inference.OpenAi.Responses;
using Banyan.Server.Inference.Anthropic;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Ollama;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Inference;

/// <summary>Models over HTTP: OpenAI's, Anthropic's, Ollama's and llama-server's APIs, health and status.</summary>
static class InferenceFeature
{
    public static void AddInference(this IServiceCollection services, InferenceOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<Bodies>();
        services.AddSingleton<Catalogue>();
        services.AddSingleton<Telemetry>();
        services.AddSingleton<ChatEndpoint>();
        services.AddSingleton<CompletionEndpoint>();
        services.AddSingleton<InfillEndpoint>();
        services.AddSingleton<ResponsesEndpoint>();
        services.AddSingleton<MessagesEndpoint>();
        services.AddSingleton<GenerateEndpoints>();
        services.AddSingleton<ModelEndpoints>();
        services.AddSingleton<OpenAi.Embeddings.EmbeddingEndpoint>();
        services.AddSingleton<LlamaServer.EmbeddingEndpoint>();
        services.AddSingleton<RerankEndpoint>();
        services.AddSingleton<EmbedEndpoints>();
        services.AddSingleton<ManageEndpoints>();
        services.AddSingleton<BlobEndpoints>();
        services.AddSingleton<CreateEndpoint>();
        services.AddSingleton<ToolEndpoints>();
        services.AddSingleton<StatusEndpoints>();
        services.AddHostedService<Preload>();
        services.AddHostedService<IdleModels>();
        services.AddHostedService<SettingsReload>();
    }

    public static void MapInference(this WebApplication app)
    {
        var status = app.Services.GetRequiredService<StatusEndpoints>();
        app.MapGet("/health", status.HealthAsync).WithMetadata(OpenAiDialect.Open);
        var models = app.MapGroup("").WithMetadata(OpenAiDialect.Guarded);
        models.MapGet("/status", status.StatusAsync);
        models.MapGet("/v1/models", status.ModelsAsync);
        models.MapGet("/v1/models/{**id}",
            (RequestDelegate)(context => status.ModelAsync(context, context.GetRouteValue("id") as string ?? "")));

        // llama-server has OpenAI's without the version, too.
        foreach (var path in (string[])["/v1/chat/completions", "/chat/completions"])
            models.MapPost(path, Stoppable(app, app.Services.GetRequiredService<ChatEndpoint>().HandleAsync));
        foreach (var path in (string[])["/v1/responses", "/responses"])
            models.MapPost(path, Stoppable(app, app.Services.GetRequiredService<ResponsesEndpoint>().HandleAsync));
        models.MapPost("/v1/completions", Stoppable(app, app.Services.GetRequiredService<CompletionEndpoint>().HandleAsync));
        models.MapPost("/infill", Stoppable(app, app.Services.GetRequiredService<InfillEndpoint>().HandleAsync));

        foreach (var path in (string[])["/completion", "/completions"])
            models.MapPost(path, Stoppable(app, app.Services.GetRequiredService<InfillEndpoint>().CompleteAsync));
        models.MapPost("/v1/embeddings",
            Stoppable(app, app.Services.GetRequiredService<OpenAi.Embeddings.EmbeddingEndpoint>().HandleAsync));
        foreach (var path in (string[])["/embedding", "/embeddings"])
            models.MapPost(path, Stoppable(app, app.Services.GetRequiredService<LlamaServer.EmbeddingEndpoint>().HandleAsync));
        foreach (var path in (string[])["/rerank", "/reranking", "/v1/rerank", "/v1/reranking", "/v2/rerank"])
            models.MapPost(path, Stoppable(app, app.Services.GetRequiredService<RerankEndpoint>().HandleAsync));

        var tools = app.Services.GetRequiredService<ToolEndpoints>();
        models.MapGet("/props", Stoppable(app, tools.PropsAsync));
        models.MapGet("/slots", tools.SlotsAsync);
        models.MapPost("/slots/{id}", ToolEndpoints.RefuseSlot);
        models.MapGet("/lora-adapters", tools.AdaptersAsync);
        models.MapPost("/lora-adapters", Stoppable(app, tools.SetAdaptersAsync));
        models.MapPost("/models/load", Stoppable(app, tools.LoadAsync));
        models.MapPost("/models/unload", Stoppable(app, tools.UnloadAsync));
        models.MapPost("/tokenize", Stoppable(app, tools.TokenizeAsync));
        models.MapPost("/detokenize", Stoppable(app, tools.DetokenizeAsync));
        models.MapPost("/apply-template", Stoppable(app, tools.ApplyTemplateAsync));

        var messages = app.Services.GetRequiredService<MessagesEndpoint>();
        var anthropic = app.MapGroup("").WithMetadata(AnthropicDialect.Instance);
        anthropic.MapPost("/v1/messages", Stoppable(app, messages.HandleAsync));
        anthropic.MapPost("/v1/messages/count_tokens", Stoppable(app, messages.CountAsync));

        var (generate, known) = (app.Services.GetRequiredService<GenerateEndpoints>(), app.Services.GetRequiredService<ModelEndpoints>());
        var ollama = app.MapGroup("").WithMetadata(OllamaDialect.Instance);
        ollama.MapPost("/api/chat", Stoppable(app, generate.ChatAsync));
        var embed = app.Services.GetRequiredService<EmbedEndpoints>();
        ollama.MapPost("/api/embed", Stoppable(app, embed.EmbedAsync));
        ollama.MapPost("/api/embeddings", Stoppable(app, embed.EmbedOneAsync));
        var manage = app.Services.GetRequiredService<ManageEndpoints>();
        ollama.MapPost("/api/pull", Stoppable(app, manage.PullAsync));
        var blobs = app.Services.GetRequiredService<BlobEndpoints>();
        ollama.MapMethods("/api/blobs/{digest}", ["HEAD"], blobs.HeadAsync);
        ollama.MapPost("/api/blobs/{digest}", Stoppable(app, blobs.PostAsync));
        ollama.MapPost("/api/create", Stoppable(app, app.Services.GetRequiredService<CreateEndpoint>().HandleAsync));
        ollama.MapPost("/api/push", Stoppable(app, manage.PushAsync));
        ollama.MapPost("/api/copy", Stoppable(app, manage.CopyAsync));
        ollama.MapDelete("/api/delete", Stoppable(app, manage.DeleteAsync));
        ollama.MapPost("/api/generate", Stoppable(app, generate.GenerateAsync));
        ollama.MapGet("/api/version", known.VersionAsync);
        ollama.MapGet("/api/tags", known.TagsAsync);
        ollama.MapGet("/api/ps", known.LoadedAsync);
        ollama.MapPost("/api/show", Stoppable(app, known.ShowAsync));
    }

    /// <summary>A generation ends when its client disconnects, or when its time is over after the server was stopped.</summary>
    public static RequestDelegate Stoppable(WebApplication app, Func<HttpContext, CancellationToken, Task> handle) => async context =>
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted,
            app.Services.GetRequiredService<Drain>().Over);
        await handle(context, stop.Token);
    };
}
