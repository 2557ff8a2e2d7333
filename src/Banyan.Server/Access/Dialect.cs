using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Banyan.Server.Access;

/// <summary>Metadata of a route: its dialect.</summary>
interface IDialectMetadata
{
    Dialect Dialect { get; }
}

/// <summary>How the clients of a route read errors, and whether the route asks for an API key. It is metadata of the route: an API that is
/// added brings its own, and no list of addresses has to change.</summary>
abstract class Dialect : IDialectMetadata
{
    /// <summary>Whether a route asks for an API key, where the server does.</summary>
    public virtual bool AsksForKey => true;

    /// <summary>Answers with an error.</summary>
    public abstract Task WriteAsync(HttpContext context, Exception exception);

    /// <summary>The error if no route has the address, or none with this method.</summary>
    public abstract Exception NoRoute(HttpContext context);

    Dialect IDialectMetadata.Dialect => this;
}

/// <summary>Finds the dialect of a request.</summary>
sealed class Dialects(IEnumerable<EndpointDataSource> routes, Dialect elsewhere)
{
    Dictionary<string, Dialect>? _byFirstPart;

    /// <summary>The route's own; if there is none, that of the routes whose address begins alike.</summary>
    public Dialect Of(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<IDialectMetadata>()?.Dialect
        ?? Of(context.Request.Path);

    Dialect Of(PathString path)
    {
        _byFirstPart ??= Read();
        return _byFirstPart.GetValueOrDefault(path.Value?.Split('/', 3) is ["", var first, ..] ? first : "", elsewhere);
    }

    /// <summary>Address prefixes whose routes all have the same dialect.</summary>
    // Where dialects share a beginning (the hub and Ollama have /api), the one that is spoken elsewhere is.
    Dictionary<string, Dialect> Read() => routes.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
        .Select(e => (First: FirstPart(e), e.Metadata.GetMetadata<IDialectMetadata>()?.Dialect))
        .Where(r => r.First is not null && r.Dialect is not null)
        .GroupBy(r => r.First!, r => r.Dialect!, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(g => g.Key, g => g.Contains(elsewhere) ? elsewhere : g.FirstOrDefault(d => d.AsksForKey) ?? g.First(),
            StringComparer.OrdinalIgnoreCase);

    static string? FirstPart(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.PathSegments is [] ? ""
        : endpoint.RoutePattern.PathSegments[0].Parts is [Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart only]
        ? only.Content : null;
}
