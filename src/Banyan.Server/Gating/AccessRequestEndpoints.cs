using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Cards;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Gating;

/// <summary>Asking for access to a gated repository, and answering those who ask.</summary>
sealed class AccessRequestEndpoints(Authoriser authoriser, AccountStore accounts, AccessRequestStore requests, HubAddress address,
    Refs refs, Revisions revisions, RepoFacts facts)
{
    const int PageLength = 100, MaxPageLength = 1000, MaxFields = 32, MaxField = 1000, MaxReason = 200;

    sealed record HandleBody(string? User, string? UserId, string? Status, string? RejectionReason);

    /// <summary><c>GET /api/{type}/{id}/user-access-request/{pending,accepted,rejected}</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo, string status)
    {
        CheckGated(repo);
        var query = context.Request.Query;
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(asked, MaxPageLength) : PageLength;
        (long, long)? before = query["cursor"].ToString().Split('-') is [var at, var user]
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var a)
            && long.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var u) ? (a, u) : null;
        var found = await requests.ListAsync(repo.Id, status, before, limit + 1, context.RequestAborted);
        if (found.Count > limit)
            context.Response.Headers.Link = string.Create(
                CultureInfo.InvariantCulture,
                $"<{address.Root(context)}/api/{repo.Type.Plural()}/{repo.FullName}/user-access-request/{status}?limit={limit}&cursor={found[limit - 1].At}-{found[limit - 1].UserId}>; rel=\"next\"");
        await context.JsonAsync(new JsonArray([.. found.Take(limit).Select(Json)]));
    }

    static JsonObject Json(AccessRequest request) => new JsonObject
    {
        ["user"] = new JsonObject
        {
            ["_id"] = WhoAmI.Id(request.UserId),
            ["type"] = "user",
            ["user"] = request.User,
            ["fullname"] = request.FullName ?? request.User,
            ["avatarUrl"] = "/assets/banyan.svg",
        }.With("email", request.Email),
        ["status"] = request.Status,
        ["timestamp"] = HubJson.Time(request.At),
    }.With("fields", request.Fields is { } fields ? JsonNode.Parse(fields) : null);

    /// <summary><c>POST /api/{type}/{id}/user-access-request/handle</c>: accepts, rejects, or puts back to those that wait.</summary>
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<HandleBody>());
        CheckGated(repo);
        if (body.Status is not (AccessRequest.Accepted or AccessRequest.Rejected or AccessRequest.Pending))
            throw HubException.BadRequest($"status '{body.Status}': accepted, rejected or pending");
        if (body.RejectionReason is { Length: > 0 } && body.Status != AccessRequest.Rejected)
            throw HubException.BadRequest("A rejectionReason is given to whom is rejected.");
        if (body.RejectionReason is { Length: > MaxReason })
            throw HubException.BadRequest($"rejectionReason: at most {MaxReason} characters");
        var user = await UserAsync(body, context.RequestAborted);
        if (!await requests.AnswerAsync(repo, caller, user.Id, body.Status, body.RejectionReason, context.RequestAborted))
            throw HubException.NotFound(await requests.StatusAsync(repo.Id, user.Id, context.RequestAborted) is null
                ? (ErrorText)$"{user.Name} did not ask for access to {repo.FullName}: grant it instead."
                : $"The request of {user.Name} for access to {repo.FullName} was answered so already.");
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/{type}/{id}/user-access-request/grant</c></summary>
    public async Task GrantAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<HandleBody>());
        CheckGated(repo);
        var user = await UserAsync(body, context.RequestAborted);
        if (!await requests.GrantAsync(repo, caller, user.Id, context.RequestAborted))
            throw HubException.BadRequest($"{user.Name} already has access to {repo.FullName}.");
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /{id}/ask-access</c>: if the repository is gated automatically, this grants access.</summary>
    public async Task AskAsync(HttpContext context, Repo repo)
    {
        var caller = await authoriser.UserAsync(context);
        CheckGated(repo);
        var status = await requests.AskAsync(repo, caller, await FieldsAsync(context), context.RequestAborted);
        await context.JsonAsync(new { status });
    }

    /// <summary><c>POST /{id}/access</c>: as <see cref="AskAsync"/>, by the form of the repository's page.</summary>
    public async Task AskByFormAsync(HttpContext context, Repo repo)
    {
        CheckGated(repo);
        // The token that every form has is no answer.
        var answers = (await context.FormAsync())
            .Where(f => f.Key.StartsWith(GateForm.Field, StringComparison.Ordinal))
            .ToDictionary(f => f.Key[GateForm.Field.Length..], f => f.Value.ToString());
        var questions = GateForm.Of(await CardAsync(repo, context.RequestAborted)).Questions;
        if (questions.FirstOrDefault(q => answers.GetValueOrDefault(q.Name) is not { Length: > 0 }) is { } open)
            throw HubException.BadRequest($"'{open.Name}' is not answered.");
        if (answers.Count > MaxFields || answers.Any(a => a.Key.Length > 256 || a.Value.Length > MaxField))
            throw HubException.BadRequest($"A request has at most {MaxFields} fields of {MaxField} characters.");
        await requests.AskAsync(repo, await authoriser.UserAsync(context),
            answers.Count == 0 ? null : JsonSerializer.Serialize(answers, HubJson.Options), context.RequestAborted);
        SignIn.SignInPages.SeeOther(context, $"/{repo.Path}");
    }

    async Task<JsonObject?> CardAsync(Repo repo, CancellationToken cancellationToken) =>
        await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } head
        && await revisions.PeelAsync(repo, head, cancellationToken) is { } revision
            ? (await facts.OfAsync(repo, revision, cancellationToken)).Card : null;

    /// <summary><c>POST /api/{type}/{id}/user-access-request/cancel</c>: the caller's own request.</summary>
    public async Task CancelAsync(HttpContext context, Repo repo)
    {
        if (!await requests.CancelAsync(repo, await authoriser.UserAsync(context), context.RequestAborted))
            throw HubException.NotFound($"There is no request of yours for access to {repo.FullName} that could be taken back.");
        await context.JsonAsync(new { });
    }

    static void CheckGated(Repo repo)
    {
        if (repo.Gated is null)
            throw HubException.BadRequest($"{repo.FullName} is not gated: nobody needs to ask for access to it.");
    }

    async Task<Account> UserAsync(HandleBody body, CancellationToken cancellationToken)
    {
        var account = body.User is { } name ? await accounts.FindAsync(name, cancellationToken)
            : body.UserId is { Length: 24 } id && long.TryParse(id, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var row)
            ? await accounts.FindAsync(row, cancellationToken)
            : throw HubException.BadRequest("The body must name a user.");
        return account is { IsUser: true } ? account : throw HubException.NotFound($"There is no user {body.User ?? body.UserId}.");
    }

    /// <summary>Answers to the owner's questions: a form's fields, or the members of a JSON object.</summary>
    static async Task<string?> FieldsAsync(HttpContext context)
    {
        var fields = new Dictionary<string, string>();
        if (context.Request.HasFormContentType)
        {
            foreach (var (name, value) in await context.FormAsync(
                new() { ValueCountLimit = MaxFields, KeyLengthLimit = 256, ValueLengthLimit = MaxField }))
                fields[name] = value.ToString();
        }
        else if (context.HasBody())
        {
            foreach (var (name, value) in await context.BodyAsync<Dictionary<string, JsonElement>>())
                fields[name] = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        }
        if (fields.Count > MaxFields || fields.Any(f => f.Key.Length > 256 || f.Value.Length > MaxField))
            throw HubException.BadRequest($"A request has at most {MaxFields} fields of {MaxField} characters.");
        return fields.Count == 0 ? null : JsonSerializer.Serialize(fields, HubJson.Options);
    }
}
