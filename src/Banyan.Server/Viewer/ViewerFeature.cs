using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Viewer;

/// <summary>Files as tables of rows.</summary>
static class ViewerFeature
{
    public static void AddViewer(this IServiceCollection services)
    {
        services.AddSingleton<FileOpener>();
        services.AddSingleton<FileViewer>();
        services.AddSingleton<ViewerPages>();
    }

    public static void MapViewer(this WebApplication app)
    {
        app.MapRepoPage("GET", "/viewer/{**rest}", Need.Read, app.The<ViewerPages>().ViewAsync);
        app.MapRepoPage("GET", "/cell/{**rest}", Need.Read, app.The<ViewerPages>().CellAsync);
    }
}
