using System.Runtime.InteropServices;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.Adapters;

namespace Banyan.Runtime.Tests.Adapters;

/// <summary>A GGUF adapter comes back as it was written, and a damaged one is refused by name.</summary>
public sealed class GgufAdapterTests : IDisposable
{
    readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("banyan-adapter-").FullName, "a.gguf");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    static float[] Random(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i * 12.9898f))];

    static AdapterWeights Adapter(bool rankStabilized) => new(4, 8, rankStabilized,
        [new("blk.0.attn_q.weight", 6, 10, Random(40), Random(24)), new("blk.1.ffn_down.weight", 10, 16, Random(64), Random(40))]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_written_is_read(bool rankStabilized)
    {
        var written = Adapter(rankStabilized);
        GgufAdapter.Write(_path, written, "qwen2");
        var read = GgufAdapter.Read(_path);
        Assert.Equal((written.Rank, written.Scale), (read.Rank, read.Scale));
        foreach (var (a, b) in written.Projections.Zip(read.Projections))
        {
            Assert.Equal((a.Tensor, a.Rows, a.Columns), (b.Tensor, b.Rows, b.Columns));
            Assert.Equal(a.A, b.A);
            Assert.Equal(a.B, b.B);
        }
        Assert.Equal(["a.gguf"], Directory.GetFiles(Path.GetDirectoryName(_path)!).Select(Path.GetFileName));
    }

    [Fact]
    public void What_the_format_has_no_place_for_is_refused()
    {
        var dora = Adapter(false) with { Projections = [Adapter(false).Projections[0] with { Magnitude = new float[6] }] };
        Assert.Contains("merge", Assert.Throws<NotSupportedException>(() => GgufAdapter.Write(_path, dora, "qwen2")).Message);
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public void Of_a_file_that_could_not_be_written_nothing_is_left()
    {
        var torn =
            Adapter(false) with { Projections = [Adapter(false).Projections[0], new("blk.1.ffn_down.weight", 10, 16, Random(64), null!)] };
        Assert.ThrowsAny<Exception>(() => GgufAdapter.Write(_path, torn, "qwen2"));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    public static TheoryData<string, int, int, float, string, string> Wrong => new()
    {
        { "x.lora_a", 4, 4, 1, "x.other", "tensor 'x.lora_a' has no .lora_b beside it" },
        { "x.lora_a", 4, 5, 1, "x.lora_b", "[rank, columns] and [rows, rank] are needed" },
        { "x.lora_a", 4, 4, float.NaN, "x.lora_b", "tensor 'x.lora_a' holds NaN" },
        { "x", 4, 4, 1, "x.lora_b", "tensor 'x' belongs to no projection" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_named(string a, int rank, int other, float value, string b, string expected)
    {
        var writer = new GgufWriter().Set("general.type", "adapter").Set("general.architecture", "qwen2").Set("adapter.type", "lora")
            .Set("adapter.lora.alpha", 8f);
        writer.Add(a, WeightFormat.F32, [rank, 8],
            s => s.Write(MemoryMarshal.AsBytes(Enumerable.Repeat(value, rank * 8).ToArray().AsSpan())));
        writer.Add(b, WeightFormat.F32, [8, other], s => s.Write(new byte[8 * other * 4]));
        using (var stream = File.Create(_path))
            writer.WriteTo(stream);
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => GgufAdapter.Read(_path)).Message);
    }

    [Fact]
    public void A_file_cut_or_changed_anywhere_is_read_or_refused_by_name()
    {
        GgufAdapter.Write(_path, Adapter(false), "qwen2");
        var whole = File.ReadAllBytes(_path);
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var bytes = i % 2 == 0 ? whole[..random.Next(1, whole.Length)] : [.. whole];
            if (i % 2 == 1)
                bytes[random.Next(Math.Min(bytes.Length, 600))] = (byte)random.Next(256);
            File.WriteAllBytes(_path, bytes);
            try
            {
                GgufAdapter.Read(_path);
            }
            catch (ModelFileException e)
            {
                Assert.Contains(_path, e.Message);
            }
        }
    }
}
