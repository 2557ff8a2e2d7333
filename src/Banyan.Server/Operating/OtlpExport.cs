using System.Collections;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Banyan.Server.Operating;

/// <summary>
/// Sends measurements and traces to a collector by OTLP, where OpenTelemetry's own variables name one (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>
/// and kin): requests, generations under the GenAI names, the hub. Without them nothing of it is loaded.
/// </summary>
static class OtlpExport
{
    const string Prefix = "OTEL_", ServiceName = "banyan", NameVariable = "OTEL_SERVICE_NAME";

    static readonly string[] s_endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    /// <summary>Whether a collector is named.</summary>
    public static bool IsWanted => s_endpoints.Any(e => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(e)))
        && !string.Equals(Environment.GetEnvironmentVariable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase);

    public static void AddOtlp(this WebApplicationBuilder builder)
    {
        // The server reads no variables; these are the library's, and it looks for them in the configuration.
        builder.Configuration.AddInMemoryCollection(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(v => ((string)v.Key).StartsWith(Prefix, StringComparison.Ordinal))
            .Select(v => KeyValuePair.Create((string)v.Key, (string?)v.Value)));
        var telemetry = builder.Services.AddOpenTelemetry();
        if (Environment.GetEnvironmentVariable(NameVariable) is null)
            telemetry.ConfigureResource(r => r.AddService(ServiceName,
                serviceVersion: typeof(OtlpExport).Assembly.GetName().Version?.ToString(3)));
        telemetry
            .WithMetrics(m => m.AddMeter(Metrics.Meters).AddOtlpExporter())
            // Queries are told as "Redacted": tickets and codes of links are in them.
            .WithTracing(t => t.AddSource("Banyan.Server").AddAspNetCoreInstrumentation().AddOtlpExporter());
    }
}
