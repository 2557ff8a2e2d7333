using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Maintenance.Collection;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Maintenance;

/// <summary>Maintenance of the hub: collection, checks, backups (docs/operations.md).</summary>
static class MaintenanceFeature
{
    public static void AddMaintenance(this IServiceCollection services)
    {
        services.AddJob<DailyCollection>();
        services.AddJob<Leftovers>();
        services.AddJob<Checkpoints>();
    }
}
