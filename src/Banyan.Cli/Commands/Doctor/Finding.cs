using System.Text.Json.Serialization;

namespace Banyan.Cli.Commands.Doctor;

/// <summary>How a thing stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Health>))]
enum Health
{
    Good,
    Warning,
    Bad,
}

/// <summary>What was looked at, what was found, and what to do.</summary>
/// <param name="Subject">What was looked at.</param>
/// <param name="Health">How it stands.</param>
/// <param name="Found">What was found, with figures.</param>
/// <param name="Advice">What to do; null if nothing is to be done.</param>
sealed record Finding(string Subject, Health Health, string Found, string? Advice = null);
