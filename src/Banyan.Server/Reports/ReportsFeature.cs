using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Reports;

/// <summary>Evaluation reports in repositories, and whose keys sign them.</summary>
static class ReportsFeature
{
    public static void AddReports(this IServiceCollection services)
    {
        services.AddSingleton<RepoReports>();
        services.AddSingleton<SigningKeys>();
        services.AddSingleton<SigningKeyApi>();
    }

    public static void MapReports(this WebApplication app)
    {
        var keys = app.The<SigningKeyApi>();
        app.MapHub("GET", "/api/settings/signing-keys", Need.User, keys.ListAsync);
        app.MapHub("POST", "/api/settings/signing-keys", Need.User, keys.AddAsync);
        app.MapHub("POST", "/api/settings/signing-keys/challenge", Need.User, keys.ChallengeAsync);
        app.MapHub("DELETE", "/api/settings/signing-keys/{id}", Need.User, keys.RemoveAsync);
        app.MapPage("GET", "/settings/signing-keys", Need.User, keys.ShowAsync);
        app.MapPage("POST", "/settings/signing-keys", Need.User, keys.ChangeAsync, maxBytes: 16 << 10);
    }
}
