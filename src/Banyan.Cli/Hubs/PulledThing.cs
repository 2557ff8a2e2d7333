using Banyan.Client;

namespace Banyan.Cli.Hubs;

/// <summary>A model or data on this machine; if it was named by its repo, with the commit that identifies it.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Repo">Its repo.</param>
/// <param name="Commit">Its revision.</param>
/// <param name="Which">What distinguishes it from the repo's other models.</param>
sealed record PulledThing(string Path, RepoId? Repo = null, string? Commit = null, string? Which = null)
{
    /// <summary>The exact name: <c>owner/name@commit:which</c>, or a whole path.</summary>
    public string Exactly => Repo is null ? System.IO.Path.GetFullPath(Path) : $"{Repo}@{Commit}{(Which is null ? "" : $":{Which}")}";
}
