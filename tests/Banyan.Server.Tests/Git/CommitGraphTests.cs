using Banyan.Server.Git;
using CsCheck;

namespace Banyan.Server.Tests.Git;

/// <summary>Walks of the graph that go only as far as they must, against walks of all.</summary>
public sealed class CommitGraphTests
{
    static GitId Id(int number)
    {
        var bytes = new byte[GitId.Size];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes, number * 7919);
        return new GitId(bytes);
    }

    static readonly Gen<(int[][] Parents, int[][] Choices)> s_graphs = Gen.Select(
        Gen.Int[1, 150].SelectMany(n => Gen.Int[0, 1000].Array[0, 2].Array[n])
            .Select(all => all.Select((p, i) => i == 0 ? [] : p.Select(x => x % i).Distinct().ToArray()).ToArray()),
        Gen.Int[0, 1000].Array[0, 4].Array[6]);

    [Fact]
    public void Walks_that_end_early_find_what_whole_ones_find() => s_graphs.Sample(
        (parents, choices) =>
        {
            var graph = new CommitGraph();
            graph.Add(Enumerable.Range(0, parents.Length).OrderBy(i => i * 31 % 17)
                .ToDictionary(Id, i => new CommitFacts(Id(-i - 1), [.. parents[i].Select(Id)], i)));
            HashSet<int> Walk(IEnumerable<int> tips)
            {
                var (found, open) = (new HashSet<int>(), new Stack<int>(tips));
                while (open.TryPop(out var at))
                    if (found.Add(at))
                        foreach (var parent in parents[at])
                            open.Push(parent);
                return found;
            }
            var chosen = choices.Select(c => c.Select(i => i % parents.Length).ToArray()).ToArray();
            bool Is(CommitSet set, IEnumerable<int> expected) =>
                set.Ids().ToHashSet().SetEquals(expected.Select(Id)) && set.Count == expected.Count();
            return chosen.All(c => Is(graph.Closure(c.Select(Id)), Walk(c)) && Is(graph.Reachable(c.Select(Id).ToHashSet()), Walk(c)))
                && chosen.Zip(chosen.Skip(1))
                .All(p => Is(graph.Difference(p.First.Select(Id), p.Second.Select(Id)), Walk(p.First).Except(Walk(p.Second))))
                && chosen.All(c => Is(graph.Followers(c.Select(Id)),
                    Enumerable.Range(0, parents.Length).Where(i => Walk([i]).Overlaps(c))));
        },
        iter: 300);
}
