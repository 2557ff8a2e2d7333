using System.Net;
using System.Text.Json;

namespace Banyan.Client.Hub;

/// <summary>The one place where a hub's refusal becomes an exception with advice.</summary>
static class HubErrors
{
    const int MostBytes = 16 * 1024;

    public static async Task<HubClientException> OfAsync(HttpResponseMessage answer, string what, HubClientOptions options,
        CancellationToken cancellationToken)
    {
        var code = Header(answer, "X-Error-Code");
        var said = Header(answer, "X-Error-Message") ?? await BodyAsync(answer, cancellationToken);
        var who = options.Token is null ? options.TokenNote ?? "you are not logged in: set HF_TOKEN"
            : "the token may not be allowed to see it";
        var (problem, message) = (code, answer.StatusCode) switch
        {
            ("RepoNotFound", _) => (HubProblem.RepoNotFound, $"{what}: there is no such repo on {options.Endpoint.Authority}, or {who}"),
            ("RevisionNotFound", _) => (HubProblem.RevisionNotFound, $"{what}: there is no such revision"),
            ("EntryNotFound", _) => (HubProblem.FileNotFound, $"{what}: there is no such file"),
            ("GatedRepo", _) =>
                (HubProblem.NotAllowed, $"{what}: access must be asked for on the repo's page at {options.Endpoint}, then set HF_TOKEN"),
            (_, HttpStatusCode.Unauthorized) =>
                (HubProblem.NotAllowed,
                    $"{what}: {(options.Token is null ? options.TokenNote ?? "the hub wants to know who you are: set HF_TOKEN to an access token" : $"the hub does not accept the token ({said ?? "401"}): set HF_TOKEN to another")}"),
            (_, HttpStatusCode.Forbidden) => (HubProblem.NotAllowed, $"{what}: not allowed: {said ?? "403"}"),
            (_, HttpStatusCode.NotFound) =>
                (HubProblem.RepoNotFound, said is null ? $"{what}: not found on {options.Endpoint.Authority}" : $"{what}: {said}"),
            (_, HttpStatusCode.PreconditionFailed) => (HubProblem.Conflict, $"{what}: {said ?? "the branch was updated meanwhile"}"),
            _ => (HubProblem.Refused,
                $"{what}: {options.Endpoint.Authority} answered {(int)answer.StatusCode}{(said is null ? "" : $": {said}")}"),
        };
        return new HubClientException(problem, message, answer.StatusCode);
    }

    static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(' ', values) : null;

    static async Task<string?> BodyAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = await HubClient.PlainAsync(answer.Content, cancellationToken);
            var bytes = new byte[MostBytes];
            var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
            if (answer.Content.Headers.ContentType?.MediaType != "application/json")
                return null;
            using var body = JsonDocument.Parse(bytes.AsMemory(0, length));
            var error = body.RootElement.ValueKind == JsonValueKind.Object
                && body.RootElement.TryGetProperty("error", out var e) ? e : default;
            return error.ValueKind switch
            {
                JsonValueKind.String => error.GetString(),
                JsonValueKind.Object when error.TryGetProperty("message", out var message) => message.ToString(),
                _ => null,
            };
        }
        catch (Exception e) when (e is JsonException or IOException or InvalidDataException or HttpRequestException)
        {
            return null;
        }
    }
}
