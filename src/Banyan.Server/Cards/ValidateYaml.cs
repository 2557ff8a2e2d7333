using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Cards;

/// <summary>
/// <c>POST /api/validate-yaml</c>: what is wrong with a card before it is committed. Anyone may ask, and a megabyte of YAML takes a
/// processor one to two seconds: one card is read at a time, and each caller's share is bounded.
/// </summary>
sealed class ValidateYaml(Authoriser authoriser, TimeProvider time)
{
    // Some two megabytes a minute; cards are of a few kilobytes.
    const int Most = 4_000_000, PerSecond = 32_000, EachRequest = 2_000, MaxWaiting = 32, RetrySeconds = 5;

    readonly CallerBudget _budget = new(Most, PerSecond, time);
    readonly SemaphoreSlim _turn = new(1);
    int _waiting;

    sealed record Body(string? Content, string? RepoType);

    public async Task HandleAsync(HttpContext context)
    {
        var body = await context.BodyAsync<Body>();
        _budget.Take(context, await authoriser.CallerAsync(context), EachRequest + (body.Content?.Length ?? 0));
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw HubException.Busy(RetrySeconds, $"{MaxWaiting} cards are being read: try again in {RetrySeconds} s.");
        }
        JsonArray errors = [], warnings = [];
        try
        {
            await _turn.WaitAsync(context.RequestAborted);
            try
            {
                Check(body, errors, warnings);
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        await context.JsonAsync(new JsonObject { ["errors"] = errors, ["warnings"] = warnings },
            errors.Count > 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK);
    }

    static void Check(Body body, JsonArray errors, JsonArray warnings)
    {
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
