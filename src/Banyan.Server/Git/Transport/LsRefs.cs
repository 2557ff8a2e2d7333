using Banyan.Server.Repos;

namespace Banyan.Server.Git.Transport;

/// <summary>The command <c>ls-refs</c> of version 2.</summary>
sealed class LsRefs(Refs refs, Reachability reachability)
{
    public async Task AnswerAsync(Repo repo, List<string> arguments, PacketWriter writer, CancellationToken cancellationToken)
    {
        var (peel, symrefs, unborn) = (arguments.Contains("peel"), arguments.Contains("symrefs"), arguments.Contains("unborn"));
        var prefixes = arguments.Where(a => a.StartsWith("ref-prefix ", StringComparison.Ordinal))
            .Select(a => PacketReader.Utf8(a["ref-prefix ".Length..]) ?? "").ToList();
        bool IsAsked(string name) => prefixes.Count == 0 || prefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal));
        var all = await refs.ListAsync(repo.Id, cancellationToken);
        var main = GitRef.Heads + repo.DefaultBranch;
        if (IsAsked("HEAD"))
        {
            if (all.FirstOrDefault(r => r.Name == main) is { Name: not null } head)
                writer.Line($"{head.Id} HEAD{(symrefs ? $" symref-target:{main}" : "")}");
            else if (unborn)
                writer.Line($"unborn HEAD{(symrefs ? $" symref-target:{main}" : "")}");
        }
        foreach (var one in all.Where(r => IsAsked(r.Name)))
        {
            writer.Line(
                $"{one.Id} {one.Name}{(peel && await reachability.PeeledAsync(repo.Id, one, cancellationToken) is { } peeled ? $" peeled:{peeled}" : "")}");
            await writer.SendIfMuchAsync(cancellationToken);
        }
        writer.Flush();
    }
}
