using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>Metadata of a route that accepts a browser's session in place of a token: pages, and reading files, but not the API.</summary>
sealed record TakesSession;

/// <summary>
/// Finds the caller of a request: <c>Bearer TOKEN</c>, or <c>Basic</c> with the token as password, as git sends it; on routes that take it,
/// the session of a browser.
/// </summary>
sealed class Credentials(AccountStore accounts, Sessions sessions)
{
    static readonly object s_key = new();

    /// <summary>The caller, looked up once per request.</summary>
    /// <exception cref="HubException">401: the credentials are not those of a valid token.</exception>
    public ValueTask<Caller> CallerAsync(HttpContext context)
    {
        string? header = context.Request.Headers.Authorization;
        if (context.Items.TryGetValue(s_key, out var known))
            return new((Caller)known!);
        if (!string.IsNullOrEmpty(header))
            return new(FindAsync(context, header));
        return Sessions.CookieOf(context) is not null && context.GetEndpoint()?.Metadata.GetMetadata<TakesSession>() is not null
            ? new(OfSessionAsync(context)) : new(Caller.Anonymous);
    }

    /// <summary>The caller of a request, if it was determined and has an account.</summary>
    public static Caller? KnownOf(HttpContext context) =>
        context.Items.TryGetValue(s_key, out var known) && known is Caller { IsAnonymous: false } caller ? caller : null;

    async Task<Caller> OfSessionAsync(HttpContext context)
    {
        var caller = await sessions.CallerAsync(context) ?? Caller.Anonymous;
        // No cache between gives this to others.
        if (!caller.IsAnonymous)
            context.Response.Headers.CacheControl = "private";
        context.Items[s_key] = caller;
        return caller;
    }

    async Task<Caller> FindAsync(HttpContext context, string header)
    {
        var caller = TokenOf(header) is { } token ? await accounts.FindCallerAsync(token, context.RequestAborted) : null;
        if (caller is { IsSuspended: true })
            throw HubException.Forbidden($"The account {caller.Name} is suspended: ask this hub's administrators.");
        context.Items[s_key] = caller ?? throw HubException.BadCredentials();
        return caller;
    }

    internal static string? TokenOf(string header)
    {
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return header["Bearer ".Length..].Trim();
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
            return null;
        var encoded = header["Basic ".Length..].Trim();
        var bytes = new byte[encoded.Length];
        if (!Convert.TryFromBase64String(encoded, bytes, out var length))
            return null;
        var pair = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        // "user:token"; some tools put the token first and leave the rest empty.
        return colon < 0 ? pair : colon == pair.Length - 1 ? pair[..colon] : pair[(colon + 1)..];
    }
}
