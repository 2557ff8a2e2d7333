using Banyan.Server.Git.Packs;
using CsCheck;

namespace Banyan.Server.Tests.Git;

/// <summary>What a delta makes of its base is the object, whatever both have in common.</summary>
public sealed class DeltaMakerTests
{
    static readonly Gen<byte[]> s_bytes = Gen.OneOf(Gen.Byte.Array[0, 300], Gen.Byte[0, 2].Array[0, 3000], Gen.Const(new byte[150_000]));

    /// <summary>A base, and pieces of it in any order with other bytes between them.</summary>
    static readonly Gen<(byte[] Source, byte[] Target)> s_pairs =
        Gen.Select(Gen.Byte.Array[0, 100_000], Gen.Select(Gen.Double[0, 1], Gen.Int[0, 90_000], s_bytes).Array[0, 6])
        .Select((source, parts) =>
        (source, parts.SelectMany(p => source.Skip((int)(p.Item1 * source.Length)).Take(p.Item2).Concat(p.Item3)).ToArray()));

    [Fact]
    public void Makes_the_object_again()
    {
        var maker = new DeltaMaker();
        Gen.OneOf(s_pairs, Gen.Select(s_bytes, s_bytes)).Sample(
            pair => maker.Make(pair.Item1, pair.Item2, int.MaxValue) is var delta
                && (delta.IsEmpty ? pair.Item1.Length < 16 || pair.Item2.Length < 16
                    : PackDelta.Apply(pair.Item1, delta, 1 << 20).AsSpan().SequenceEqual(pair.Item2)),
            iter: 200, threads: 1);
    }

    [Fact]
    public void Is_short_where_little_changed_and_none_where_it_would_be_long()
    {
        var (source, maker) = (new byte[100_000], new DeltaMaker());
        new Random(1).NextBytes(source);
        var target = source.ToArray();
        target[50_000] ^= 1;
        Assert.InRange(maker.Make(source, target, target.Length).Length, 1, 40);
        new Random(2).NextBytes(target);
        Assert.True(maker.Make(source, target, target.Length / 2).IsEmpty);
    }
}
