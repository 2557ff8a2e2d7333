using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Status;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary><c>/api/version</c>, <c>tags</c>, <c>ps</c>, <c>show</c>: what is here, and what each can do.</summary>
sealed class ModelEndpoints(Bodies bodies, Catalogue catalogue)
{
    /// <summary>The version of Ollama whose API this is: clients ask for a least one.</summary>
    const string Version = "0.13.0";

    public Task VersionAsync(HttpContext context) =>
        context.Response.WriteJsonAsync(new JsonObject { ["version"] = Version }, context.RequestAborted);

    public Task TagsAsync(HttpContext context) => context.Response.WriteJsonAsync(
        new JsonObject
        {
            ["models"] =
            new JsonArray([.. catalogue.List().Select(m => (JsonNode)Entry(m)),
                .. catalogue.OtherNames().Select(n => (JsonNode)Entry(n.Model, n.Name))])
        }, context.RequestAborted);

    public Task LoadedAsync(HttpContext context)
    {
        var loaded = catalogue.List().Select(m => (Served: m, m.Loaded)).Where(m => m.Loaded is not null).Select(pair =>
        {
            var (m, model) = pair;
            var entry = Entry(m);
            entry["expires_at"] = (m.ExpiresAt ?? DateTimeOffset.MaxValue).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'",
                CultureInfo.InvariantCulture);
            entry["size_vram"] = 0;
            entry["context_length"] = model!.ContextLength;
            return (JsonNode)entry;
        });
        return context.Response.WriteJsonAsync(new JsonObject { ["models"] = new JsonArray([.. loaded]) }, context.RequestAborted);
    }

    public async Task ShowAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields =>
        {
            _ = fields.Flag("verbose");
            return catalogue.Find(fields.Text("model") ?? fields.Text("name") ?? throw ApiException.Missing("model"))
                .AskAsync(1, _ => true, cancellationToken, generates: false);
        }, cancellationToken);
        var model = asked.Model;
        var config = model.Model.Config;
        var capabilities = new JsonArray(model.Generates ? "completion" : "embedding");
        if (model.Tokenizer.Fim is not null)
            capabilities.Add((JsonNode)"insert");
        if (model.Chats && model.Conversation is { } conversation)
        {
            if (conversation.CanCall)
                capabilities.Add((JsonNode)"tools");
            if (conversation.CanReason)
                capabilities.Add((JsonNode)"thinking");
        }
        var architecture = config.Architecture;
        await context.Response.WriteJsonAsync(new JsonObject
        {
            ["modelfile"] = $"FROM {model.Name}",
            ["parameters"] = Parameters(model.Settings),
            ["template"] = model.Tokenizer.Fim is null ? (model.Chats ? model.Template!.Source : "")
                : $"{(model.Chats ? model.Template!.Source : "")}{{{{- if .Suffix }}}}{{{{ .Prompt }}}}{{{{ .Suffix }}}}{{{{ end }}}}",
            ["system"] = model.Settings.System ?? "",
            ["details"] = Details(architecture),
            ["model_info"] = new JsonObject
            {
                ["general.architecture"] = architecture,
                ["general.basename"] = model.Name,
                [$"{architecture}.context_length"] = model.ContextLength,
                [$"{architecture}.embedding_length"] = config.EmbeddingSize,
                ["tokenizer.ggml.token_count"] = model.Tokenizer.Count,
            },
            ["capabilities"] = capabilities,
            ["modified_at"] = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        }, cancellationToken);
    }

    // As a Modelfile has them, a line each.
    static string Parameters(ModelSettings settings) => string.Join('\n', ((string, IFormattable?)[])
        [("temperature", settings.Temperature), ("top_p", settings.TopP), ("top_k", settings.TopK), ("min_p", settings.MinP),
            ("repeat_penalty", settings.RepetitionPenalty)]
        is var numbers ? numbers.Where(n => n.Item2 is not null)
        .Select(n => $"{n.Item1} {n.Item2!.ToString(null, CultureInfo.InvariantCulture)}")
        .Concat((settings.Stop ?? []).Select(s => $"stop {System.Text.Json.JsonSerializer.Serialize(s)}")) : []);

    static JsonObject Entry(ServedModel model, string? name = null) => new()
    {
        ["name"] = name ?? model.Name,
        ["model"] = name ?? model.Name,
        ["modified_at"] = model.Created.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["size"] = model.Loaded?.Model.WeightBytes ?? model.FileBytes,
        ["digest"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{model.Path} {model.Created.UtcTicks}"))),
        ["details"] = Details(model.Loaded?.Model.Config.Architecture ?? "", name is null ? "" : model.Name),
    };

    static JsonObject Details(string architecture, string parent = "") => new()
    {
        ["parent_model"] = parent,
        ["format"] = "gguf",
        ["family"] = architecture,
        ["families"] = new JsonArray(architecture),
        ["parameter_size"] = "",
        ["quantization_level"] = "",
    };
}
