namespace Banyan.Server.Shipped;

/// <summary>A model that comes with Banyan, to be found in every new hub.</summary>
/// <param name="Owner">The organization that it is published under; created if missing.</param>
/// <param name="Name">Name of the repository.</param>
/// <param name="Files">Its files: path in the repository, path on this machine.</param>
public sealed record ShippedRepo(string Owner, string Name, IReadOnlyDictionary<string, string> Files);
