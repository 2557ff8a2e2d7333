namespace Banyan.Server.Git.Packs.Kept;

/// <summary>A pack that is kept to be sent again.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Tips">Commits and tags: together with the packs before it, it has exactly what they lead to.</param>
/// <param name="Objects">How many it has; none of them is in a pack before it.</param>
sealed record KeptPack(long Id, IReadOnlyList<GitId> Tips, long Objects);

/// <summary>A pack that could be kept: what git_packs needs of it.</summary>
/// <param name="Pack">The pack, as a file.</param>
/// <param name="Ids">Ids of its objects, in their order.</param>
/// <param name="Tips">See <see cref="KeptPack"/>.</param>
/// <param name="Basis">What its objects name of what it does not have.</param>
sealed record PackToKeep(Stream Pack, GitId[] Ids, IReadOnlyCollection<GitId> Tips, IReadOnlyCollection<GitId> Basis) : IDisposable
{
    public void Dispose() => Pack.Dispose();
}
