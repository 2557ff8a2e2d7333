using Banyan.Training.Packing;

namespace Banyan.Training.Tests.Packing;

/// <summary>Every item once an epoch, in no sequence more than it holds.</summary>
public class SequenceStreamTests
{
    [Theory]
    [InlineData(1, 10)]
    [InlineData(300, 100)]
    [InlineData(2000, 512)]
    public void An_epoch_has_each_item_once_and_is_found_from_anywhere(int items, int capacity)
    {
        var random = new Random(items);
        int[] lengths = [.. Enumerable.Range(0, items).Select(i => i % 17 == 3 ? 0 : random.Next(1, capacity + 1))];
        var stream = new SequenceStream(lengths, capacity, 5);
        long begin = 0;
        for (var epoch = 0; epoch < 3; epoch++)
        {
            var end = stream.End(epoch);
            var sequences = Enumerable.Range(0, (int)(end - begin)).Select(i => stream[begin + i]).ToList();
            Assert.All(sequences, s => Assert.InRange(s.Sum(i => lengths[i]), 1, capacity));
            Assert.Equal(Enumerable.Range(0, items).Where(i => lengths[i] > 0), sequences.SelectMany(s => s).Order());
            Assert.Equal(stream[end - 1], new SequenceStream(lengths, capacity, 5)[end - 1]);
            begin = end;
        }
        if (items > 1)
        {
            Assert.NotEqual(stream[0], stream[stream.End(0)]);
            Assert.InRange(stream.End(0), 1, lengths.Sum() * 1.1 / capacity + 2); // little is left empty
        }
    }
}
