using System.Net.Http.Headers;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary>Requests and responses between programs and the hub as in RFC 6749: forms in, uncacheable JSON out.</summary>
static class OAuthAnswers
{
    /// <summary>Answers with what the work makes, or says why not in OAuth's terms.</summary>
    public static async Task AnswerAsync(HttpContext context, Func<IFormCollection, Task<object>> work)
    {
        context.Response.Headers.CacheControl = "no-store";
        try
        {
            IFormCollection form;
            try
            {
                form = await context.FormAsync();
            }
            catch (HubException e) when (e.Status == 400)
            {
                throw OAuthException.InvalidRequest(e.Message);
            }
            await context.JsonAsync(await work(form));
        }
        catch (OAuthException e)
        {
            if (e.Status == 401 && context.Request.Headers.Authorization.Count > 0)
                context.Response.Headers.WWWAuthenticate = "Basic realm=\"Banyan\"";
            // As parameters go into addresses too, they have no quotes and nothing beyond ASCII (RFC 6749 5.2).
            await context.JsonAsync(new
            {
                error = e.Error,
                error_description = HubDialect.Printable(e.Message).Replace('"', '\'').Replace('\\', '/')
            }, e.Status);
        }
    }

    /// <summary>A field that has to be there, once.</summary>
    public static string Field(this IFormCollection form, string name) => form[name] is [{ Length: > 0 and <= 4000 } value] ? value
        : throw OAuthException.InvalidRequest(form[name].Count > 1 ? $"{name} is there {form[name].Count} times."
            : $"{name} is missing, or too long.");

    /// <summary>The program's client id, and its secret if it has one: in the form, or as HTTP's basic credentials (RFC 6749
    /// 2.3.1).</summary>
    public static (string? Id, string? Secret) ClientOf(HttpContext context, IFormCollection form)
    {
        if (AuthenticationHeaderValue.TryParse(context.Request.Headers.Authorization, out var header)
            && header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            var bytes = new byte[header.Parameter?.Length ?? 0];
            var pair = Convert.TryFromBase64String(header.Parameter ?? "", bytes, out var length)
                ? Encoding.UTF8.GetString(bytes, 0, length) : "";
            return pair.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
                ? (Uri.UnescapeDataString(pair[..colon].Replace('+', ' ')), Uri.UnescapeDataString(pair[(colon + 1)..].Replace('+', ' ')))
                : throw OAuthException.InvalidClient("The Authorization header is not \"Basic\" with client_id:client_secret.");
        }
        return (form["client_id"].ToString() is { Length: > 0 } id ? id : null,
            form["client_secret"].ToString() is { Length: > 0 } secret ? secret : null);
    }
}
