using Banyan.Cli.Hubs;
using Banyan.Training;

namespace Banyan.Cli.Commands.Tune;

/// <summary>A run's inputs, as the user named them and as they were found.</summary>
/// <param name="BaseName">The base as the user named it.</param>
/// <param name="DataName">The data as the user named it.</param>
/// <param name="Base">The base.</param>
/// <param name="Data">The data.</param>
/// <param name="HeldOut">The held-out data, if the user named it.</param>
sealed record TuneNames(string BaseName, string DataName, PulledThing Base, PulledThing Data, PulledThing? HeldOut)
{
    /// <summary>The model card's facts.</summary>
    public CardFacts Facts =>
        new(GivenName ?? Base.Repo?.ToString() ?? BaseName, Data.Repo is null ? DataName : Data.Exactly)
        {
            Revision = Base.Commit,
            DataRepo = Data.Repo?.Name,
            Teacher = Teacher is null ? null : Teacher.Repo?.ToString()
                ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Teacher.Path))
        };

    /// <summary>The teacher; null to train on the data's tokens.</summary>
    public PulledThing? Teacher { get; init; }

    /// <summary>The base's public name, if the user gave one.</summary>
    public string? GivenName { get; init; }
}
