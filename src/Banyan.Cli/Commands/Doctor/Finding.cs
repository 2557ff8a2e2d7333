using System.Text.Json.Serialization;

namespace Banyan.Cli.Commands.Doctor;

/// <summary>The state of what was checked.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Health>))]
enum Health
{
    Good,
    Warning,
    Bad,
}

/// <summary>What was checked, what was found, and what to do.</summary>
/// <param name="Subject">What was checked.</param>
/// <param name="Health">Its state.</param>
/// <param name="Found">What was found, with figures.</param>
/// <param name="Advice">What to do; null if nothing.</param>
sealed record Finding(string Subject, Health Health, string Found, string? Advice = null);
