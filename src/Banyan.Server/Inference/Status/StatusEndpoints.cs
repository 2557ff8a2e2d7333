using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Status;

/// <summary><c>/health</c>, <c>/status</c> and <c>/v1/models</c>.</summary>
sealed class StatusEndpoints(Catalogue catalogue, InferenceOptions options)
{
    static readonly string s_version = typeof(StatusEndpoints).Assembly.GetName().Version!.ToString(3);

    /// <summary>200 when the default model can answer; 503 while it loads and when it could not be loaded.</summary>
    public Task HealthAsync(HttpContext context)
    {
        var health = catalogue.Default switch
        {
            // One that was unloaded is loaded again by whoever asks for it.
            null or { Loaded: not null } or { WasUnloaded: true, Failure: null } => new Health("ok"),
            { Failure: { } failure } failed => new Health("error") { Model = failed.Name, Message = failure.Message },
            { } loading => new Health("loading") { Model = loading.Name, Progress = Math.Round(loading.LoadProgress, 3) },
        };
        context.Response.StatusCode = health.Status == "ok" ? 200 : 503;
        context.Response.Headers.CacheControl = "no-store";
        if (health.Status == "loading")
            context.Response.Headers.RetryAfter = "1";
        return context.Response.WriteAsJsonAsync(health, ApiJson.Readable.Health);
    }

    public Task StatusAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(new ServerStatus(s_version, ProcessMemory.Bytes, options.Runtime.Threads,
            [.. catalogue.List().Select(Status)]), ApiJson.Readable.ServerStatus);
    }

    public Task ModelsAsync(HttpContext context) => context.Request.Headers.ContainsKey("anthropic-version")
        ? context.Response.WriteJsonAsync(Anthropic(Listed()), context.RequestAborted)
        : context.Response.WriteAsJsonAsync(new ModelList("list", [.. Listed().Select(l => Entry(l.Model, l.Name))]),
            ApiJson.Readable.ModelList);

    // Every model under its own name, then under others.
    List<(string Name, ServedModel Model)> Listed() => [.. catalogue.List().Select(m => (m.Name, m)), .. catalogue.OtherNames()];

    // Anthropic's list is at the same address.
    static JsonObject Anthropic(List<(string Name, ServedModel Model)> models) => new()
    {
        ["data"] = new JsonArray([.. models.Select(m => (JsonNode)new JsonObject
        {
            ["type"] = "model", ["id"] = m.Name, ["display_name"] = m.Model.Name == m.Name ? m.Name : $"{m.Name} ({m.Model.Name})",
            ["created_at"] = m.Model.Created.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        })]),
        ["has_more"] = false,
        ["first_id"] = models.Count > 0 ? models[0].Name : null,
        ["last_id"] = models.Count > 0 ? models[^1].Name : null,
    };

    public Task ModelAsync(HttpContext context, string id) =>
        context.Response.WriteAsJsonAsync(Entry(id.Length > 0 ? catalogue.Find(id) : throw ApiException.Missing("id"), null),
            ApiJson.Readable.ModelEntry);

    static ModelStatus Status(ServedModel model)
    {
        var engine = model.Loaded?.Status;
        return new(model.Name, StateOf(model), Math.Round(model.LoadProgress, 3), model.Pending,
            engine?.Running ?? 0, engine?.Waiting ?? 0);
    }

    static string StateOf(ServedModel model) => model switch
    {
        { Loaded: not null } => "ready",
        { Failure: not null } => "failed",
        { IsLoaded: true } => "loading",
        _ => "unloaded",
    };

    static ModelEntry Entry(ServedModel model, string? name) => new(name ?? model.Name, "model", model.Created.ToUnixTimeSeconds(), "local")
    {
        Root = name is null || name == model.Name ? null : model.Name,
        Meta = model.Loaded is { } loaded
            ? new(loaded.Model.Config.Architecture, loaded.ContextLength, loaded.Tokenizer.Count, loaded.Model.WeightBytes, loaded.Chats,
                loaded.Tokenizer.Fim is not null)
            : null,
    };
}
