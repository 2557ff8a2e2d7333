using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary><c>POST /api/embed</c>, and <c>/api/embeddings</c>, which it replaced.</summary>
sealed class EmbedEndpoints(Bodies bodies, Catalogue catalogue, TimeProvider time, Telemetry telemetry)
{
    sealed record Asked(List<int[]> Texts, int? Dimensions);

    public async Task EmbedAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        using var asked = await bodies.ReadAsync(context, fields => AskAsync(fields, model => new Asked(
            // An empty list is an empty answer here; it loads the model.
            fields.Any("input") is { ValueKind: System.Text.Json.JsonValueKind.Array } list && list.GetArrayLength() == 0 ? []
                : EmbeddedTexts.Read(fields, "input", model, cut: fields.Flag("truncate")),
            model.Vectors.CheckDimensions(fields.Integer("dimensions", 1, int.MaxValue))), cancellationToken), cancellationToken);
        var loaded = time.GetElapsedTime(began);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("embeddings", model.Name);
        var vectors = await model.Vectors.EmbedAsync(request.Texts, dimensions: request.Dimensions, cancellationToken: cancellationToken);
        var tokens = request.Texts.Sum(t => t.Length);
        measured.CountInput(tokens);
        await context.Response.WriteVectorsAsync(json =>
        {
            json.WriteString("model", model.Name);
            json.WriteStartArray("embeddings");
        }, vectors, (json, vector, _) => json.WriteVector(vector), json =>
        {
            json.WriteEndArray();
            json.WriteNumber("total_duration", time.GetElapsedTime(began).Ticks * 100);
            json.WriteNumber("load_duration", loaded.Ticks * 100);
            json.WriteNumber("prompt_eval_count", tokens);
        }, cancellationToken);
    }

    public async Task EmbedOneAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => AskAsync(fields, model =>
            fields.Text("prompt") is { Length: > 0 } ? EmbeddedTexts.Read(fields, "prompt", model) : [], cancellationToken),
            cancellationToken);
        using var measured = telemetry.Begin("embeddings", asked.Model.Name);
        var vectors = await asked.Model.Vectors.EmbedAsync(asked.Request, normalize: false, cancellationToken: cancellationToken);
        measured.CountInput(asked.Request.Sum(t => t.Length));
        await context.Response.WriteVectorsAsync(json => json.WritePropertyName("embedding"), vectors,
            (json, vector, _) => json.WriteVector(vector), json =>
        {
            if (vectors.Length == 0)
                json.WriteVector([]);
        }, cancellationToken);
    }

    async Task<Asked<T>> AskAsync<T>(Fields fields, Func<LoadedModel, T> read, CancellationToken cancellationToken)
    {
        var keep = OllamaFields.ReadKeepAlive(fields);
        _ = fields.Object("options");
        var served = catalogue.Find(fields.Text("model") ?? throw ApiException.Missing("model"));
        var asked = await served.AskAsync(1, read, cancellationToken, generates: false);
        if (keep is { } span)
            served.Keep(span);
        return asked;
    }
}
