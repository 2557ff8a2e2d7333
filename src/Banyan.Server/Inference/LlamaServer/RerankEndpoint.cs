using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Embeddings;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>
/// <c>POST /rerank</c>, <c>/v1/rerank</c>: documents by how well they answer a query, as Jina, Cohere and llama-server have it; with
/// <c>texts</c> for <c>documents</c>, as Text Embeddings Inference does.
/// </summary>
sealed class RerankEndpoint(Bodies bodies, Catalogue catalogue, Telemetry telemetry)
{
    sealed record Asked(List<string> Documents, List<int[]> Pairs, int Most, bool Returns, bool Raw, bool IsTei);

    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            1, model => Read(fields, model), cancellationToken, generates: false), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("rerank", model.Name);
        var scores = await model.Vectors.ScoreAsync(request.Pairs, cancellationToken);
        var tokens = request.Pairs.Sum(p => p.Length);
        measured.CountInput(tokens);
        var results = scores.Select((s, i) => (Index: i, Score: request.Raw ? s[0] : Embedder.Relevance(s)))
            .OrderByDescending(r => r.Score).ThenBy(r => r.Index).Take(request.Most)
            .Select(r => (JsonNode)Result(request, r.Index, r.Score));
        JsonNode answer = request.IsTei ? new JsonArray([.. results]) : new JsonObject
        {
            ["model"] = model.Name,
            ["object"] = "list",
            ["usage"] = new JsonObject { ["prompt_tokens"] = tokens, ["total_tokens"] = tokens },
            ["results"] = new JsonArray([.. results]),
        };
        await context.Response.WriteJsonAsync(answer, cancellationToken);
    }

    static JsonObject Result(Asked request, int index, float score)
    {
        var result = new JsonObject { ["index"] = index, [request.IsTei ? "score" : "relevance_score"] = score };
        if (request.Returns && request.IsTei)
            result["text"] = request.Documents[index];
        else if (request.Returns)
            result["document"] = new JsonObject { ["text"] = request.Documents[index] };
        return result;
    }

    static Asked Read(Fields fields, LoadedModel model)
    {
        if (!model.Vectors.CanScore)
            throw ApiException.Invalid("model",
                $"'{model.Name}' has no classifier (cls.output.weight), so it gives no scores: name a reranker.", "model_not_supported");
        var query = fields.Text("query") ?? throw ApiException.Missing("query");
        var isTei = fields.Any("texts") is not null;
        var name = isTei ? "texts" : "documents";
        if (fields.Any(name) is null)
            throw ApiException.Missing(name);
        EmbeddedTexts.CheckCount(fields.Count(name), name);
        var (documents, pairs, tokens) = (new List<string>(), new List<int[]>(), 0);
        foreach (var item in fields.Array(name))
        {
            var param = $"{name}[{documents.Count}]";
            documents.Add(item.ValueKind switch
            {
                JsonValueKind.String => Fields.ReadText(item, param),
                JsonValueKind.Object => new Fields(item, param).Text("text") ?? throw ApiException.Missing($"{param}.text"),
                _ => throw ApiException.WrongType(param, "a string or an object with 'text'", Fields.Describe(item)),
            });
            pairs.Add(model.Vectors.TryPair(query, documents[^1], out var pair) ? pair
                : throw EmbeddedTexts.TooLong(model, $"'{param}' with the query"));
            EmbeddedTexts.CheckTokens(tokens += pair.Length, name);
        }
        if (pairs.Count == 0)
            throw ApiException.Invalid(name, $"Invalid '{name}': the array is empty.");
        return new(documents, pairs, fields.Integer("top_n", 1, int.MaxValue) ?? pairs.Count,
            fields.Flag(isTei ? "return_text" : "return_documents"), fields.Flag("raw_scores"), isTei);
    }
}
