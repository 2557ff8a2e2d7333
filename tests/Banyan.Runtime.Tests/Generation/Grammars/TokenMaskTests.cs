using Banyan.Runtime.Generation.Grammars.Vocabularies;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>A mask leaves a chance to its tokens, and to those that end an answer where it can end.</summary>
public class TokenMaskTests
{
    [Fact]
    public void Only_the_allowed_keep_their_logits()
    {
        var random = new Random(1);
        for (var length = 1; length < 400; length += 7)
        {
            var bits = new ulong[(length + 63) / 64 - random.Next(2)];
            for (var word = 0; word < bits.Length; word++)
                bits[word] = random.Next(3) switch { 0 => 0, 1 => ~0UL, _ => (ulong)random.NextInt64() * 3 };
            var mask = TokenMask.Of(bits);
            var logits = Enumerable.Range(0, length).Select(i => i == 3 ? float.NegativeInfinity : i - 100f).ToArray();
            foreach (var canEnd in (bool[])[false, true])
            {
                var ends = new HashSet<int> { 0, length - 1, length + 5 };
                var masked = (float[])logits.Clone();
                mask.Apply(masked, ends, canEnd);
                Assert.Equal(logits.Select((l, i) => (ends.Contains(i) ? canEnd : mask.Allows(i)) ? l : float.NegativeInfinity), masked);
            }
        }
    }
}
