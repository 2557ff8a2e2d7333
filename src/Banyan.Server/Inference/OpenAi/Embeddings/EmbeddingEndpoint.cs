using System.Runtime.InteropServices;
using System.Text.Json;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi.Embeddings;

/// <summary><c>POST /v1/embeddings</c>.</summary>
sealed class EmbeddingEndpoint(Bodies bodies, Catalogue catalogue, Telemetry telemetry)
{
    sealed record Asked(List<int[]> Texts, int? Dimensions, bool Base64);

    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            1, model => Read(fields, model), cancellationToken, generates: false), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("embeddings", model.Name);
        var vectors = await model.Vectors.EmbedAsync(request.Texts, dimensions: request.Dimensions, cancellationToken: cancellationToken);
        var tokens = request.Texts.Sum(t => t.Length);
        measured.CountInput(tokens);
        await context.Response.WriteVectorsAsync(json =>
        {
            json.WriteString("object", "list");
            json.WriteStartArray("data");
        }, vectors, (json, vector, index) =>
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", index);
            json.WritePropertyName("embedding");
            // The floats as they lie in memory: little-endian on every processor that runs .NET.
            if (request.Base64)
                json.WriteBase64StringValue(MemoryMarshal.AsBytes(vector.AsSpan()));
            else
                json.WriteVector(vector);
            json.WriteEndObject();
        }, json =>
        {
            json.WriteEndArray();
            json.WriteString("model", model.Name);
            json.WriteUsage(tokens);
        }, cancellationToken);
    }

    static Asked Read(Fields fields, LoadedModel model)
    {
        var format = fields.Text("encoding_format");
        if (format is not (null or "float" or "base64"))
            throw ApiException.Invalid("encoding_format",
                $"Invalid 'encoding_format': \"{(format.Length > 40 ? format[..40] : format)}\", expected \"float\" or \"base64\".");
        _ = fields.Text("user");
        var dimensions = model.Vectors.CheckDimensions(fields.Integer("dimensions", 1, int.MaxValue));
        return new(EmbeddedTexts.Read(fields, "input", model), dimensions, format == "base64");
    }
}
