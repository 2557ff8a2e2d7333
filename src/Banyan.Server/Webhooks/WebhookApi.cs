using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Webhooks;

/// <summary><c>/api/settings/webhooks</c>: a user's own webhooks. This requires a token with the role write: a weaker one could otherwise
/// receive events about things it may not read.</summary>
sealed class WebhookApi(Authoriser authoriser, WebhookStore webhooks, WebhookTargets targets, HubAddress address)
{
    const int MaxWebhooks = 50, MaxWatched = 50, MaxSecret = 256;

    sealed record Body(string? Url, IReadOnlyList<WatchedItem>? Watched, IReadOnlyList<string>? Domains,
        string? Secret, string? JobSourceId);

    /// <summary><c>GET</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        await context.JsonAsync(
            new JsonArray([.. (await webhooks.ListAsync(caller.UserId, context.RequestAborted)).Select(w => w.ToJson())]));
    }

    /// <summary><c>GET …/{id}</c></summary>
    public async Task ShowAsync(HttpContext context) => await AnswerAsync(context, await FindAsync(context, await CallerAsync(context)));

    /// <summary><c>POST</c></summary>
    public async Task CreateAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<Body>());
        if (body.JobSourceId is not null)
            throw HubException.NotImplemented("Running jobs");
        if (body.Url is null || body.Watched is null)
            throw HubException.BadRequest("The body needs url (whom to tell) and watched (of what).");
        var made = Changed(new Webhook { RepoEvents = true, DiscussionEvents = true }, body);
        var added = await webhooks.AddAsync(caller.UserId, made, body.Watched, address.Root(context), MaxWebhooks, context.RequestAborted)
            ?? throw HubException.Conflict($"You have {MaxWebhooks} webhooks: remove one first.");
        await AnswerAsync(context, added);
    }

    /// <summary><c>POST …/{id}</c>: what the body leaves out stays.</summary>
    public async Task UpdateAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<Body>());
        await UpdateAsync(context, caller, Changed(await FindAsync(context, caller), body), body.Watched);
    }

    /// <summary><c>POST …/{id}/enable</c>, <c>…/disable</c></summary>
    public async Task SwitchAsync(HttpContext context, bool disabled)
    {
        var caller = await CallerAsync(context);
        await UpdateAsync(context, caller, await FindAsync(context, caller) with { Disabled = disabled }, null);
    }

    async Task UpdateAsync(HttpContext context, Caller caller, Webhook webhook, IReadOnlyList<WatchedItem>? watched)
    {
        if (!await webhooks.UpdateAsync(caller.UserId, webhook, watched, context.RequestAborted))
            throw NotFound();
        await AnswerAsync(context, webhook);
    }

    /// <summary><c>DELETE …/{id}</c></summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        if (!await webhooks.RemoveAsync(caller.UserId, IdOf(context), context.RequestAborted))
            throw NotFound();
        await context.JsonAsync(new { });
    }

    Webhook Changed(Webhook webhook, Body body)
    {
        if (body.Url is { } url)
            webhook = webhook with { Url = targets.Checked(url) };
        if (body.Watched is { } watched)
        {
            if (watched.Count is 0 or > MaxWatched || watched.FirstOrDefault(w => !IsWatchable(w)) is not null)
                throw HubException.BadRequest(
                    $"watched: 1 to {MaxWatched} of {{\"type\": \"user\" or \"org\", \"name\": NAME}} and {{\"type\": \"model\", \"dataset\" or \"space\", \"name\": \"NAMESPACE/NAME\"}}");
            webhook = webhook with { Watched = WatchedItem.Write(watched) };
        }
        if (body.Domains is { } domains)
        {
            // Clients document "discussions"; their own tests, and the Hub's pages, say "discussion".
            if (domains.Count == 0 || domains.Any(d => d is not ("repo" or "discussion" or "discussions")))
                throw HubException.BadRequest("domains: repo, discussions or both");
            webhook = webhook with { RepoEvents = domains.Contains("repo"), DiscussionEvents = domains.Any(d => d != "repo") };
        }
        if (body.Secret is { } secret)
        {
            if (secret.Length > MaxSecret || secret.Any(c => c is < ' ' or > '~'))
                throw HubException.BadRequest($"secret: up to {MaxSecret} characters of ASCII; it is sent in a header.");
            webhook = webhook with { Secret = secret.Length > 0 ? secret : null };
        }
        return webhook;
    }

    static bool IsWatchable(WatchedItem item) => item.Name is { Length: > 0 and <= 193 } name && name.All(c => c > ' ') && item.Type switch
    {
        "user" or "org" => !name.Contains('/', StringComparison.Ordinal),
        "model" or "dataset" or "space" => name.Split('/') is [{ Length: > 0 }, { Length: > 0 }],
        _ => false,
    };

    static long IdOf(HttpContext context) =>
        (string?)context.Request.RouteValues["id"] is { Length: <= 24 } text
        && long.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var id) ? id : 0;

    async Task<Webhook> FindAsync(HttpContext context, Caller caller) =>
        await webhooks.FindAsync(caller.UserId, IdOf(context), context.RequestAborted) ?? throw NotFound();

    static HubException NotFound() => HubException.NotFound("You have no such webhook.");

    static Task AnswerAsync(HttpContext context, Webhook webhook) => context.JsonAsync(new JsonObject { ["webhook"] = webhook.ToJson() });

    async ValueTask<Caller> CallerAsync(HttpContext context) => await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller
        ? caller : throw HubException.Forbidden("Webhooks are managed by a token with the role write.");
}
