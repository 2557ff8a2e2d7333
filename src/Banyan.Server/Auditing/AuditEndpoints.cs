using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Auditing;

/// <summary>The audit over the API, the oldest first, and as a page, the newest first; for administrators of the hub.</summary>
sealed class AuditEndpoints(Authoriser authoriser, AuditLog audit, HubAddress address)
{
    const int MostInAnswer = 1000, OnPage = 100;

    /// <summary><c>GET /api/audit?actor=&amp;action=&amp;target=&amp;since=&amp;until=&amp;after=&amp;limit=</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        await CheckAsync(context);
        var limit = context.Request.Query["limit"].ToString() is { Length: > 0 } text
            ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= MostInAnswer ? n
            : throw HubException.BadRequest($"limit '{text}': 1 to {MostInAnswer}") : MostInAnswer;
        await audit.SealAsync(context.RequestAborted);
        var entries = await audit.ReadAsync(Filter(context), Place(context, "after"), limit, backwards: false, context.RequestAborted);
        if (entries.Count == limit)
        {
            var query = context.Request.Query.Where(q => q.Key != "after")
                .SelectMany(q => q.Value.Select(v => KeyValuePair.Create(q.Key, v))).Append(new("after", $"{entries[^1].Place}"));
            context.Response.Headers.Link = $"<{address.Root(context)}/api/audit{QueryString.Create(query)}>; rel=\"next\"";
        }
        await context.JsonAsync(new JsonArray([.. entries.Select(e => e.Json())]));
    }

    /// <summary><c>GET /settings/audit</c></summary>
    public async Task PageAsync(HttpContext context)
    {
        await CheckAsync(context);
        var filter = Filter(context);
        await audit.SealAsync(context.RequestAborted);
        var entries = await audit.ReadAsync(filter, Place(context, "before"), OnPage, backwards: true, context.RequestAborted);
        await HtmlPage.RenderAsync<AuditPage>(context, new AuditView(filter, entries, entries.Count == OnPage ? entries[^1].Place : null));
    }

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);

    static AuditFilter Filter(HttpContext context)
    {
        string? Text(string name) => context.Request.Query[name].ToString().Trim() is { Length: > 0 } text ? text : null;
        long? Time(string name) => Text(name) is not { } text ? null
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time.ToUnixTimeMilliseconds()
            : throw HubException.BadRequest($"{name} '{text}': a date like 2026-11-29, or a time like 2026-11-29T08:00:00Z");
        return new()
        {
            Actor = Text("actor"),
            Action = Text("action"),
            Target = Text("target"),
            Since = Time("since"),
            Until = Time("until")
        };
    }

    static long? Place(HttpContext context, string name) => context.Request.Query[name].ToString() is not { Length: > 0 } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
        : throw HubException.BadRequest($"{name} '{text}': the place of an entry");
}

/// <summary>The page of the audit.</summary>
/// <param name="Filter">What was asked for.</param>
/// <param name="Entries">The newest first.</param>
/// <param name="Before">The place before which older entries continue, or null.</param>
public sealed record AuditView(AuditFilter Filter, IReadOnlyList<AuditEntry> Entries, long? Before);
