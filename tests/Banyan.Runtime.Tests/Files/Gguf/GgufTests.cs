using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Files.Gguf;

public class GgufTests
{
    internal static byte[] Bytes(GgufWriter writer)
    {
        var stream = new MemoryStream();
        writer.WriteTo(stream);
        Assert.Equal(writer.ByteLength, stream.Length);
        return stream.ToArray();
    }

    internal static Action<Stream> Counting(int bytes) => stream => stream.Write([.. Enumerable.Range(0, bytes).Select(i => (byte)i)]);

    [Fact]
    public void Every_metadata_type_is_written_and_read()
    {
        using var folder = new TemporaryFolder();
        var all = new Dictionary<string, object>
        {
            ["u8"] = (byte)200,
            ["i8"] = (sbyte)-3,
            ["u16"] = (ushort)60000,
            ["i16"] = (short)-30000,
            ["u32"] = 4000000000u,
            ["i32"] = -2000000000,
            ["f32"] = 1.5f,
            ["yes"] = true,
            ["no"] = false,
            ["text"] = "Baniã 🌳",
            ["empty"] = "",
            ["u64"] = ulong.MaxValue,
            ["i64"] = long.MinValue,
            ["f64"] = Math.PI,
            ["u8s"] = new byte[] { 1, 2 },
            ["i8s"] = new sbyte[] { -1, 2 },
            ["u16s"] = new ushort[] { 1 },
            ["i16s"] = new short[] { -1 },
            ["u32s"] = new uint[] { 7 },
            ["i32s"] = new[] { -7, 8 },
            ["f32s"] = new[] { 0.5f, float.NaN },
            ["bools"] = new[] { true, false, true },
            ["strings"] = new[] { "a", "", "🌳" },
            ["u64s"] = new ulong[] { 1 },
            ["i64s"] = new long[] { -1 },
            ["f64s"] = new[] { 2.5 },
            ["none"] = Array.Empty<int>(),
            ["nested"] = new int[][] { [1, 2], [], [3] },
            ["deep"] = new string[][][] { [["a"], ["b", "c"]], [] },
        };
        var writer = new GgufWriter();
        foreach (var (key, value) in all)
            writer.Set(key, value);
        using var model = ModelFile.Open(folder.File("m.gguf", Bytes(writer)));
        Assert.Equal(all.Keys, model.Metadata.All.Select(p => p.Key));
        foreach (var (key, value) in all.Where(p => p.Key is not ("nested" or "deep")))
            Assert.Equal(value, model.Metadata.All.First(p => p.Key == key).Value);
        Assert.Equal((int[][])all["nested"], model.Metadata.Get<int[][]>("nested"));
        Assert.Equal((string[][][])all["deep"], model.Metadata.Get<string[][][]>("deep"));
    }

    [Fact]
    public void Metadata_converts_where_the_value_fits_and_says_where_not()
    {
        using var folder = new TemporaryFolder();
        using var model =
            ModelFile.Open(folder.File("m.gguf",
                Bytes(new GgufWriter().Set("n", 300u).Set("minus", -1).Set("f", 1.5f).Set("s", "x").Set("a", new[] { 1, 2 }))));
        var metadata = model.Metadata;
        Assert.Equal((300, 300L, (ushort)300, 300f, 300.0),
            (metadata.Get<int>("n"), metadata.Get<long>("n"), metadata.Get<ushort>("n"), metadata.Get<float>("n"),
                metadata.Get<double>("n")));
        Assert.Equal(1.5, metadata.Get<double>("f"));
        Assert.Equal([1L, 2L], metadata.Get<long[]>("a"));
        Assert.Equal(7, metadata.Get("missing", 7));
        Assert.False(metadata.TryGet<int>("missing", out _));
        void Refused<T>(string key, string because)
        {
            var e = Assert.Throws<ModelFileException>(() => metadata.Get<T>(key));
            Assert.Contains("m.gguf", e.Message);
            Assert.Contains($"'{key}'", e.Message);
            Assert.Contains(because, e.Message);
        }
        Refused<byte>("n", "uint32 300");
        Refused<uint>("minus", "int32 -1");
        Refused<int>("f", "float 1.5");
        Refused<int>("s", "string 'x'");
        Refused<string>("n", "where string is needed");
        Refused<string[]>("a", "int32[2]");
        Refused<bool>("n", "where boolean is needed".Replace("boolean", "bool"));
        Refused<int>("missing", "missing");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(4096)]
    public void Any_alignment_and_both_versions_are_read(int alignment)
    {
        using var folder = new TemporaryFolder();
        var bytes = Bytes(new GgufWriter().Set("general.alignment", (uint)alignment)
            .Add("a", WeightFormat.F32, [3], Counting(12)).Add("b", WeightFormat.Q8_0, [2, 3, 64], Counting(2 * 3 * 68))
            .Add("c", WeightFormat.F16, [1, 1], Counting(2)));
        foreach (var version in (byte[])[2, 3])
        {
            bytes[4] = version;
            using var model = ModelFile.Open(folder.File("m.gguf", bytes));
            var b = model.GetTensor("b");
            Assert.Equal([2L, 3, 64], b.Shape);
            Assert.Equal((6L, 64L, 6 * 68L), (b.Rows, b.Columns, b.ByteLength));
            Assert.Equal((byte)68, b.Row(1)[0]);
            Assert.Equal((byte)(4 * 68 % 256), b.Slice(1).Row(1)[0]);
            Assert.Equal([3L, 64], b.Slice(1).Shape);
            unsafe
            {
                Assert.Equal((byte)5, b.Pointer[5]);
            }
            Assert.Throws<ArgumentOutOfRangeException>(() => { b.Row(6); });
            Assert.Throws<ArgumentOutOfRangeException>(() => b.Slice(2));
        }
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes()
    {
        static byte[] Once() =>
            Bytes(new GgufWriter().Set("general.architecture", "qwen2").Set("x", new[] { 1f })
                .Add("a", WeightFormat.F32, [2, 2], Counting(16)));
        Assert.Equal(Once(), Once());
    }

    [Fact]
    public void A_writer_refuses_what_a_reader_would()
    {
        Assert.Throws<ArgumentException>(() => new GgufWriter().Set("a", 1).Set("a", 2));
        Assert.Throws<ArgumentException>(() => new GgufWriter().Set("a", DateTime.UnixEpoch));
        Assert.Throws<ArgumentException>(() => new GgufWriter().Add("a", WeightFormat.Q4_K, [2, 100], _ => { }));
        Assert.Throws<InvalidOperationException>(() => new GgufWriter().Add("a", WeightFormat.F32, [2], Counting(7)).WriteTo(Stream.Null));
    }

    [Fact]
    public void A_large_vocabulary_is_not_decoded_until_asked_for()
    {
        var path = SharedData.Path("tokenizers", "ggml-vocab-deepseek-coder.gguf");
        using (ModelFile.Open(path)) { }
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var model = ModelFile.Open(path);
        var opening = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(opening, 0, 64 * 1024);
        Assert.Equal(32256, model.Metadata.Get<string[]>("tokenizer.ggml.tokens").Length);
        Assert.Same(model.Metadata.Get<string[]>("tokenizer.ggml.tokens"), model.Metadata.Get<string[]>("tokenizer.ggml.tokens"));
    }

    [Fact]
    public void After_Dispose_nothing_is_read()
    {
        using var folder = new TemporaryFolder();
        var model =
            ModelFile.Open(folder.File("m.gguf",
                Bytes(new GgufWriter().Set("a", new[] { "x" }).Add("t", WeightFormat.F32, [2, 2], Counting(16)))));
        var tensor = model.GetTensor("t");
        model.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { tensor.Row(0); });
        Assert.Throws<ObjectDisposedException>(() => model.Metadata.Get<string[]>("a"));
    }
}
