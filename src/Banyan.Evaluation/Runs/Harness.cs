using System.Reflection;

namespace Banyan.Evaluation.Runs;

/// <summary>The version of this library that judges.</summary>
static class Harness
{
    /// <summary>Name and version, with the commit where it was built from one.</summary>
    public static string Version { get; } =
        $"Banyan.Evaluation {typeof(Harness).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown"}";
}
