namespace Banyan.Chunks.Tests;

public class MerkleRuns
{
    static Chunk[] Chunks(Random random, int count)
    {
        var chunks = new Chunk[count];
        var hash = new byte[XetHash.Size];
        for (var i = 0; i < count; i++)
        {
            random.NextBytes(hash);
            chunks[i] = new Chunk(new XetHash(hash), (ulong)random.Next(1, 131_072));
        }
        return chunks;
    }

    [Fact]
    public void Runs_that_touch_join_to_the_files_hash_however_it_was_divided()
    {
        var random = new Random(5);
        foreach (var count in Enumerable.Range(0, 60).Concat([100, 300, 999, 4000, 20_000]))
        {
            var chunks = Chunks(random, count);
            var expected = MerkleTree.FileHash(chunks);
            Assert.Equal(expected, MerkleRun.Of(chunks, true, true).FileHash());
            for (var round = 0; round < 8; round++)
            {
                int[] cuts = [0, .. Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(count + 1)).Order(), count];
                var runs = Enumerable.Range(0, cuts.Length - 1)
                    .Select(i => MerkleRun.Of(chunks.AsSpan(cuts[i], cuts[i + 1] - cuts[i]), i == 0, i == cuts.Length - 2)).ToList();
                // In any order, and as they come over the wire.
                while (runs.Count > 1)
                {
                    var at = random.Next(runs.Count - 1);
                    runs[at] =
                        MerkleRun.Join(MerkleRun.From(runs[at].Nodes, runs[at].Levels, runs[at].AtStart, runs[at].AtEnd), runs[at + 1]);
                    runs.RemoveAt(at + 1);
                }
                Assert.Equal(expected, runs[0].FileHash());
            }
        }
    }

    [Fact]
    public void A_run_of_any_length_takes_few_nodes_and_names_no_file_alone()
    {
        var chunks = Chunks(new Random(6), 100_000);
        var run = MerkleRun.Of(chunks.AsSpan(10..^10), false, false);
        Assert.InRange(run.Nodes.Count, 10, 600);
        Assert.Null(run.FileHash());
        Assert.Throws<ArgumentException>(() => MerkleRun.Join(MerkleRun.Of(chunks, true, true), run));
        Assert.Throws<ArgumentException>(() => MerkleRun.From(run.Nodes, [(1, 1)], false, false));
    }
}
