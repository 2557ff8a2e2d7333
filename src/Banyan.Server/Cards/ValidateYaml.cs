using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Cards;

/// <summary><c>POST /api/validate-yaml</c>: what is wrong with a card before it is committed.</summary>
static class ValidateYaml
{
    sealed record Body(string? Content, string? RepoType);

    public static async Task HandleAsync(HttpContext context)
    {
        var body = await context.BodyAsync<Body>();
        JsonArray errors = [], warnings = [];
        try
        {
            var text = CardHeader.TextOf(body.Content ?? throw HubException.BadRequest("The body has no content."));
            if (text is null)
                Add(warnings, "empty or missing yaml metadata in repo card");
            else
                Check(CardHeader.Parse(text), errors, warnings);
        }
        catch (CardException e)
        {
            Add(errors, e.Message);
        }
        await context.JsonAsync(new JsonObject { ["errors"] = errors, ["warnings"] = warnings }, errors.Count > 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK);
    }

    static void Check(JsonObject card, JsonArray errors, JsonArray warnings)
    {
        foreach (var name in (ReadOnlySpan<string>)["license", "pipeline_tag", "library_name"])
            if (card[name] is { } value && !IsText(value) && !(name == "license" && IsTexts(value)))
                Add(errors, $"\"{name}\" must be a string");
        foreach (var name in (ReadOnlySpan<string>)["tags", "datasets", "language", "base_model", "metrics"])
            if (card[name] is { } value && !IsText(value) && !IsTexts(value))
                Add(errors, $"\"{name}\" must be a string or a list of strings");
        if (card["model-index"] is { } index && index is not JsonArray)
            Add(errors, "\"model-index\" must be an array");
        if (card["license"] is null)
            Add(warnings, "no license is named");
    }

    static bool IsText(JsonNode node) => node.GetValueKind() == System.Text.Json.JsonValueKind.String;

    static bool IsTexts(JsonNode node) => node is JsonArray array && array.All(n => n is not null && IsText(n));

    static void Add(JsonArray to, string message) => to.Add(new JsonObject { ["message"] = message });
}
