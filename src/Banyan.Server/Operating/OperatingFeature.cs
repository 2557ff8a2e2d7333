using Banyan.Server.Inference.OpenAi;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics;

namespace Banyan.Server.Operating;

/// <summary>For operators: liveness, readiness, metrics, access log.</summary>
static class OperatingFeature
{
    public static void AddOperating(this IServiceCollection services, bool hub)
    {
        services.AddMetrics();
        services.AddSingleton<Metrics>();
        if (hub)
            services.AddSingleton<HubGauges>();
        services.AddSingleton<OperatingEndpoints>();
    }

    public static void MapOperating(this WebApplication app)
    {
        var operating = app.Services.GetRequiredService<OperatingEndpoints>();
        app.MapGet("/health/live", operating.LiveAsync).WithMetadata(OpenAiDialect.Open);
        app.MapGet("/health/ready", operating.ReadyAsync).WithMetadata(OpenAiDialect.Open);
        app.MapGet("/metrics", operating.MetricsAsync).WithMetadata(OpenAiDialect.Open);
    }
}
