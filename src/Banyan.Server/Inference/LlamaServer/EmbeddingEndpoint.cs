using System.Text.Json;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>llama-server's <c>/embedding</c> and <c>/embeddings</c>: a list with a vector for each text.</summary>
sealed class EmbeddingEndpoint(Bodies bodies, Catalogue catalogue, Telemetry telemetry)
{
    sealed record Asked(List<int[]> Texts, int Norm);

    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(1, model => new Asked(
            EmbeddedTexts.Read(fields, fields.Any("content") is null ? "input" : "content", model),
            fields.Integer("embd_normalize", -1, 1000) ?? 2), cancellationToken, generates: false), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("embeddings", model.Name);
        var vectors = await model.Vectors.EmbedAsync(request.Texts, normalize: request.Norm == 2, cancellationToken: cancellationToken);
        measured.CountInput(request.Texts.Sum(t => t.Length));
        context.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartArray();
        for (var i = 0; i < vectors.Length; i++)
        {
            Normalize(vectors[i], request.Norm);
            json.WriteStartObject();
            json.WriteNumber("index", i);
            // A row for each vector that pooling leaves: one.
            json.WriteStartArray("embedding");
            json.WriteVector(vectors[i]);
            json.WriteEndArray();
            json.WriteEndObject();
            await json.FlushAsync(cancellationToken);
            await context.Response.BodyWriter.FlushAsync(cancellationToken);
        }
        json.WriteEndArray();
    }

    /// <summary>By llama.cpp's numbers: none, by the largest to the range of 16 bits, else by that p-norm.</summary>
    static void Normalize(float[] vector, int norm)
    {
        if (norm is -1 or 2)
            return;
        var length = norm == 0 ? vector.Max(Math.Abs) / 32760.0 : Math.Pow(vector.Sum(v => Math.Pow(Math.Abs(v), norm)), 1.0 / norm);
        // A high power of small numbers may be 0.
        for (var i = 0; length > 0 && i < vector.Length; i++)
            vector[i] = (float)(vector[i] / length);
    }
}
