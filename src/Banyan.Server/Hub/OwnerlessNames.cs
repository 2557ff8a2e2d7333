using Banyan.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;

namespace Banyan.Server.Hub;

/// <summary>A name without an owner is never a repository here. These addresses are recognised after all routes, since <c>ana/resolve</c>
/// may be somebody's repository. They are not routes themselves: beside those with an owner, each would be copied under each word of the
/// others in the router's automaton, which then had 120,000 states and took a CPU-second at the first request.</summary>
sealed class OwnerlessNames(Authoriser authoriser)
{
    readonly List<(string Method, TemplateMatcher Path)> _known = [];

    /// <summary>Knows the address of a route about a repository, whose pattern has <c>{ns}</c>.</summary>
    public void Add(string method, string pattern) =>
        _known.Add((method, new TemplateMatcher(TemplateParser.Parse(pattern.Replace("{ns}/", "", StringComparison.Ordinal)[1..]), [])));

    /// <summary>Answers that there is no such repository, for addresses that no route handles.</summary>
    public void Use(WebApplication app) => app.Use(async (context, next) =>
    {
        if (!IsRouted(context) && NameOf(context.Request) is { } name)
        {
            _ = await authoriser.CallerAsync(context);   // bad credentials are an error here too
            throw HubException.RepoNotFound(name);
        }
        await next(context);
    });

    /// <summary>Whether a route was found: no fallback, and none that takes another method.</summary>
    static bool IsRouted(HttpContext context) => context.GetEndpoint() is RouteEndpoint { Order: < int.MaxValue };

    string? NameOf(HttpRequest request)
    {
        foreach (var (method, path) in _known)
        {
            var values = new RouteValueDictionary();
            if (request.Method.Equals(method, StringComparison.OrdinalIgnoreCase) && path.TryMatch(request.Path, values))
                return (string)values["name"]!;
        }
        return null;
    }
}
