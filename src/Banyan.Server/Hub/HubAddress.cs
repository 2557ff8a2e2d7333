using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Hub;

/// <summary>Absolute addresses in answers.</summary>
sealed class HubAddress(HubOptions options)
{
    /// <summary>The hub's root as this client sees it, without a slash at the end.</summary>
    public string Root(HttpContext context) =>
        options.PublicUrl?.TrimEnd('/') ?? $"{context.Request.Scheme}://{context.Request.Host.Value}";

    /// <summary>The path under which a proxy shows the hub; empty if it is the root of its host.</summary>
    public string Path { get; } = options.PublicUrl is { } url ? new Uri(url).AbsolutePath.TrimEnd('/') : "";

    /// <summary>A repository's page.</summary>
    public string Of(HttpContext context, Repo repo) => $"{Root(context)}/{repo.Path}";
}
