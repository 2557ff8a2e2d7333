using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Viewer.Service;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
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
        services.AddSingleton<DatasetService>();
    }

    /// <summary>Where the API of the dataset viewer is.</summary>
    const string Path = "/api/datasets-server";

    /// <summary>
    /// Answers under the host name <c>datasets-server.</c> of the hub's as under <see cref="Path"/>: Python's <c>datasets</c> makes that
    /// name of <c>HF_ENDPOINT</c>.
    /// </summary>
    public static void UseDatasetsHost(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.Host.Host.StartsWith(HostCheck.DatasetsHost, StringComparison.OrdinalIgnoreCase))
            context.Request.Path = Path + context.Request.Path;
        return next(context);
    });

    public static void MapViewer(this WebApplication app)
    {
        app.MapRepoPage("GET", "/viewer/{**rest}", Need.Read, app.The<ViewerPages>().ViewAsync);
        app.MapRepoPage("GET", "/cell/{**rest}", Need.Read, app.The<ViewerPages>().CellAsync);
        var service = app.The<DatasetService>();
        foreach (var (name, handler) in ((string, RequestDelegate)[])[("is-valid", service.ValidAsync), ("splits", service.SplitsAsync),
            ("parquet", service.ParquetAsync), ("first-rows", service.FirstAsync), ("rows", service.RowsAsync),
            ("search", c => service.FindAsync(c, byText: true)), ("filter", c => service.FindAsync(c, byText: false)),
            ("statistics", service.StatisticsAsync), ("size", c => service.SizeAsync(c, withInfo: false)),
            ("info", c => service.SizeAsync(c, withInfo: true))])
            app.MapHub("GET", $"{Path}/{name}", Need.Nothing, handler);
    }
}
