using Banyan.Server.Accounts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Hub;

/// <summary>Metadata of a page: with which method it is asked for.</summary>
sealed record PageRoute(string Method);

/// <summary>
/// Metadata of a page whose body is too long to be read before it is known where the form was made: its handler checks that.
/// </summary>
sealed record ChecksForm;

/// <summary>Addresses of pages consist of names (<c>/ana</c>, <c>/ana/coder</c>) and would also match the API's: if the first part is
/// reserved, or the method is another, such a route does not match, and routing continues without it. The result may be 405, if the address
/// has other methods.</summary>
sealed class PageRoutes(IServiceProvider services) : MatcherPolicy, IEndpointSelectorPolicy
{
    List<(TemplateMatcher Path, IReadOnlyList<string> Methods)>? _reserved;

    public override int Order => 1000;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) =>
        endpoints.Any(e => e.Metadata.GetMetadata<PageRoute>() is not null);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        var found = false;
        for (var i = 0; i < candidates.Count; i++)
            if (candidates.IsValidCandidate(i) && candidates[i].Endpoint.Metadata.GetMetadata<PageRoute>() is { } page
                && (!HttpMethods.Equals(page.Method, httpContext.Request.Method)
                    || (candidates[i].Values is { } values && values["ns"] is string name && Names.IsReserved(name))))
                candidates.SetValidity(i, false);
            else
                found |= candidates.IsValidCandidate(i);
        if (!found && MethodsOf(httpContext.Request.Path) is { Length: > 0 } methods)
            httpContext.SetEndpoint(new Endpoint(context =>
            {
                context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
                context.Response.Headers.Allow = string.Join(", ", methods);
                return Task.CompletedTask;
            }, EndpointMetadataCollection.Empty, "405"));
        return Task.CompletedTask;
    }

    /// <summary>Which methods an address under a reserved word takes.</summary>
    string[] MethodsOf(PathString path)
    {
        _reserved ??= [.. services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.PathSegments is [{ Parts: [RoutePatternLiteralPart first] }, ..] && Names.IsReserved(first.Content)
                && e.Order < int.MaxValue)
            .Select(e => (new TemplateMatcher(TemplateParser.Parse(e.RoutePattern.RawText!.TrimStart('/')), []),
                e.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []))];
        return [.. _reserved.Where(r => r.Path.TryMatch(path, [])).SelectMany(r => r.Methods).Distinct().Order(StringComparer.Ordinal)];
    }
}
