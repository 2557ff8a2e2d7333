using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Jobs;

/// <summary>The hub's background jobs: run by the hub, monitored and triggered by administrators.</summary>
static class JobsFeature
{
    public static void AddJobs(this IServiceCollection services)
    {
        services.AddSingleton<JobStore>();
        services.AddSingleton<JobEndpoints>();
        services.AddSingleton<JobRunner>();
        services.AddHostedService(s => s.GetRequiredService<JobRunner>());
    }

    /// <summary>Adds a job, which may be used by others of the feature as well.</summary>
    public static void AddJob<T>(this IServiceCollection services) where T : Job
    {
        services.AddSingleton<T>();
        services.AddSingleton<Job>(s => s.GetRequiredService<T>());
    }

    public static void MapJobs(this WebApplication app)
    {
        app.MapHub("GET", "/api/settings/jobs", Need.User, app.The<JobEndpoints>().ListAsync);
        app.MapHub("POST", "/api/settings/jobs/{name}/run", Need.User, app.The<JobEndpoints>().RunAsync);
        app.MapPage("GET", "/settings/jobs", Need.User, app.The<JobEndpoints>().PageAsync);
        app.MapPage("POST", "/settings/jobs", Need.User, app.The<JobEndpoints>().RunByPageAsync, maxBytes: 16 << 10);
    }
}
