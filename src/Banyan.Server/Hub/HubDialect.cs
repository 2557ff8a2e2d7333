using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Pages.Languages;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Hub;

/// <summary>
/// As Hugging Face's clients read errors: <c>X-Error-Code</c>, <c>X-Error-Message</c> and <c>{"error"}</c>. The hub has tokens of its own.
/// </summary>
sealed class HubDialect : Dialect
{
    public static HubDialect Instance { get; } = new();

    public override bool AsksForKey => false;

    public override Exception NoRoute(HttpContext context) => context.Response.StatusCode == 405
        ? new HubException(405, null,
            $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}.")
        : HubException.NotFound($"There is nothing at {context.Request.Method} {context.Request.Path}.");

    public override Task WriteAsync(HttpContext context, Exception exception)
    {
        var error = Translate(exception);
        WriteHeaders(context, error);
        // Without this a client that HEADs a missing file would wait for a body that never comes.
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask
            : context.JsonAsync(new HubError(IsPage(context) ? context.Language().Tell(error.Text) : error.Message, error.Url, error.Slug),
                error.Status);
    }

    /// <summary>Sets status and headers of an error, which clients read.</summary>
    public static void WriteHeaders(HttpContext context, HubException error)
    {
        var (response, headers) = (context.Response, context.Response.Headers);
        response.StatusCode = error.Status;
        headers.CacheControl = "no-store";
        headers["X-Error-Message"] = Printable(error.Message);
        if (error.RetryAfterSeconds is { } seconds)
            headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (error.Code is { } code)
            headers["X-Error-Code"] = code;
        if (error.Commit is { } commit)
            headers["X-Repo-Commit"] = commit;
        if (error.Status == 401)
            headers.WWWAuthenticate = error.Challenge;
        if (error.Location is { } location)
            headers.Location = location;
    }

    /// <summary>Whether the request comes from a page's own script, which shows the error.</summary>
    static bool IsPage(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<PageRoute>() is not null;

    sealed record HubError(string Error, string? Url, string? Slug);

    /// <summary>What to tell of an exception.</summary>
    public static HubException Translate(Exception exception) => exception switch
    {
        HubException hub => hub,
        ApiException api => new HubException(api.Status, null, api.Message),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } =>
            HubException.TooLarge("The request's body is larger than this address takes."),
        BadHttpRequestException bad => new HubException(bad.StatusCode, null, bad.Message),
        OperationCanceledException => new HubException(503, null, "The server is stopping."),
        // PostgreSQL answers too late, or has no connection left (Npgsql throws the same for both).
        Npgsql.NpgsqlException { InnerException: TimeoutException } => HubException.Busy(RetrySeconds,
            "The hub's database is busy: try again in a few seconds."),
        _ when IsFull(exception) =>
            new HubException(507, null, "The hub's disk is full. Nothing was changed; its administrators must free space."),
        _ => new HubException(500, null, "The server failed to answer; its log says why."),
    };

    const int RetrySeconds = 5;

    const int DiskFull = 28, DiskFullOnWindows = unchecked((int)0x80070070), DatabaseFull = 13;   // ENOSPC, ERROR_DISK_FULL, SQLITE_FULL

    static bool IsFull(Exception? exception) => exception switch
    {
        null => false,
        IOException { HResult: DiskFull or DiskFullOnWindows }
            or Microsoft.Data.Sqlite.SqliteException { SqliteErrorCode: DatabaseFull } => true,
        _ => IsFull(exception.InnerException),
    };

    /// <summary>A header holds no line breaks and nothing beyond ASCII, whatever name the message quotes.</summary>
    internal static string Printable(string message) =>
        string.Create(Math.Min(message.Length, 1000), message, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[i] is >= ' ' and <= '~' ? from[i] : '?';
        });
}
