using Banyan.Server.Accounts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Banyan.Server.Hub;

/// <summary>Metadata of a page: with which method it is asked for.</summary>
sealed record PageRoute(string Method);

/// <summary>
/// Addresses of pages are made of names alone (<c>/ana</c>, <c>/ana/coder</c>) and would take in those of the API: where the first part is reserved, or
/// the method is another, such a route is none, and what was found without it is found.
/// </summary>
sealed class PageRoutes : MatcherPolicy, IEndpointSelectorPolicy
{
    public override int Order => 1000;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => endpoints.Any(e => e.Metadata.GetMetadata<PageRoute>() is not null);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
            if (candidates.IsValidCandidate(i) && candidates[i].Endpoint.Metadata.GetMetadata<PageRoute>() is { } page
                && (!HttpMethods.Equals(page.Method, httpContext.Request.Method) || (candidates[i].Values is { } values && IsReserved(values["ns"]))))
                candidates.SetValidity(i, false);
        return Task.CompletedTask;
    }

    static bool IsReserved(object? name) => name is string text && Names.IsReserved(text);
}
