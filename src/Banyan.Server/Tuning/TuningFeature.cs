using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tuning;

/// <summary>Runs of <c>banyan tune</c>, for administrators.</summary>
static class TuningFeature
{
    public static void AddTuning(this IServiceCollection services) => services.AddSingleton<TuneEndpoints>();

    public static void MapTuning(this WebApplication app)
    {
        app.MapPage("GET", "/tune", Need.User, app.The<TuneEndpoints>().ListAsync);
        app.MapPage("GET", "/tune/{run}", Need.User, app.The<TuneEndpoints>().ShowAsync);
    }
}
