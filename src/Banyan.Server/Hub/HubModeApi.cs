using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Hub;

/// <summary><c>/api/settings/hub</c>: whether the hub accepts changes, and who may read; for its administrators.</summary>
sealed class HubModeApi(Authoriser authoriser, HubMode mode)
{
    /// <summary><c>GET</c></summary>
    public async Task ShowAsync(HttpContext context)
    {
        await CheckAsync(context);
        await AnswerAsync(context);
    }

    /// <summary>
    /// <c>PUT</c>: <c>{"maintenance": "why" or null, "readers": "members" or "everyone"}</c>; what the body leaves out stays.
    /// </summary>
    public async Task SetAsync(HttpContext context)
    {
        await CheckAsync(context);
        var body = await context.BodyAsync<Dictionary<string, JsonElement>>();
        if (body.Count == 0 || !body.Keys.All(k => k is "maintenance" or "readers"))
            throw HubException.BadRequest(
                "The body has maintenance (a text that says why, or null), readers (\"members\" or \"everyone\"), or both.");
        string? message = null;
        if (body.TryGetValue("maintenance", out var maintenance) && maintenance.ValueKind != JsonValueKind.Null
            && (maintenance.ValueKind != JsonValueKind.String
                || (message = maintenance.GetString()!.Trim()) is not { Length: > 0 and <= HubMode.MaxMessage }))
            throw HubException.BadRequest($"maintenance: a text of 1 to {HubMode.MaxMessage} characters that says why, or null");
        var readers = body.TryGetValue("readers", out var who) ? who.ValueKind == JsonValueKind.String ? who.GetString() : "" : null;
        if (readers is not (null or "members" or "everyone"))
            throw HubException.BadRequest("readers: \"members\" or \"everyone\"");
        if (body.ContainsKey("maintenance"))
            await mode.SetMaintenanceAsync(message, context.RequestAborted);
        if (readers is not null)
            await mode.SetForMembersAsync(readers == "members", context.RequestAborted);
        await AnswerAsync(context);
    }

    async Task AnswerAsync(HttpContext context) => await context.JsonAsync(new JsonObject
    {
        ["maintenance"] = await mode.MaintenanceAsync(context.RequestAborted),
        ["readers"] = await mode.IsForMembersAsync(context.RequestAborted) ? "members" : "everyone",
    });

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);
}
