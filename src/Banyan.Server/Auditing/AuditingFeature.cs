using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Auditing;

/// <summary>The audit: who changed what, and whose access was refused; for administrators.</summary>
static class AuditingFeature
{
    public static void AddAuditing(this IServiceCollection services)
    {
        services.AddSingleton<AuditLog>();
        services.AddSingleton<Refusals>();
        services.AddSingleton<AuditEndpoints>();
        services.AddJob<AuditWriter>();
    }

    public static void MapAuditing(this WebApplication app)
    {
        app.MapHub("GET", "/api/audit", Need.User, app.The<AuditEndpoints>().ListAsync);
        app.MapPage("GET", "/settings/audit", Need.User, app.The<AuditEndpoints>().PageAsync);
    }
}
