using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Gating;

/// <summary>Gated repositories: everyone sees them, and users with access read their files.</summary>
static class GatingFeature
{
    public static void AddGating(this IServiceCollection services)
    {
        services.AddSingleton<AccessRequestStore>();
        services.AddSingleton<AccessRequestEndpoints>();
    }

    public static void MapGating(this WebApplication app)
    {
        var requests = app.The<AccessRequestEndpoints>();
        foreach (var status in (ReadOnlySpan<string>)[AccessRequest.Pending, AccessRequest.Accepted, AccessRequest.Rejected])
        {
            var listed = status;
            app.MapRepoApi("GET", $"/user-access-request/{status}", Need.Write, (c, r) => requests.ListAsync(c, r, listed));
        }
        app.MapRepoApi("POST", "/user-access-request/handle", Need.Write, requests.HandleAsync);
        app.MapRepoApi("POST", "/user-access-request/grant", Need.Write, requests.GrantAsync);
        app.MapRepoApi("POST", "/user-access-request/cancel", Need.Ask, requests.CancelAsync);
        app.MapRepoPage("POST", "/access", Need.Ask, requests.AskByFormAsync);
        app.MapRepo("POST", "/ask-access", Need.Ask, requests.AskAsync);
    }
}
