using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;
using V = Banyan.Runtime.Files.Gguf.GgufValueType;

namespace Banyan.Runtime.Tests.Files.Hostile;

public class HostileGguf
{
    internal static byte[] Valid()
    {
        var stream = new MemoryStream();
        new GgufWriter().Set("general.architecture", "qwen2").Set("general.alignment", 32u).Set("u8", (byte)1)
            .Set("yes", true).Set("f64", 0.5)
            .Set("strings", new[] { "a", "", "ccc" }).Set("i32s", new[] { 1, 2, 3 }).Set("nested", new int[][] { [1], [] })
            .Add("token_embd.weight", WeightFormat.Q8_0, [2, 32], s => s.Write(new byte[68]))
            .Add("output_norm.weight", WeightFormat.F32, [4], s => s.Write(new byte[16]))
            .Add("blk.0.ffn_gate_exps.weight", WeightFormat.F16, [2, 1, 3], s => s.Write(new byte[12]))
            .WriteTo(stream);
        return stream.ToArray();
    }

    const ulong Huge = 1UL << 63;

    static readonly (string Problem, byte[] File)[] s_cases =
    [
        ("number of tensors at byte 8 is 9223372036854775808", new RawGguf(Huge, 0).With(64)),
        ("number of metadata keys at byte 16 is 9223372036854775808", new RawGguf(0, Huge).With(64)),
        ("number of tensors at byte 8 is 18446744073709551615", new RawGguf(ulong.MaxValue, 0).With(64)),
        ("version is 1", new RawGguf(0, 0, version: 1).With(0)),
        ("version is 4", new RawGguf(0, 0, version: 4).With(0)),
        ("big-endian", new RawGguf(0, 0, version: 3u << 24).With(0)),
        ("not a GGUF file", "GGML"u8.ToArray()),
        ("ends at byte 3", "GGU"u8.ToArray()),
        ("the length of the array metadata 'a' at byte 41 is 9223372036854775808",
            new RawGguf(0, 1).Key("a", V.Array).Number((uint)V.UInt8).Number(Huge).With(64)),
        ("the length of the array metadata 'a' at byte 41 is 100",
            new RawGguf(0, 1).Key("a", V.Array).Number((uint)V.String).Number(100UL).With(64)),
        ("string 1 of 2 of metadata 'a'", new RawGguf(0, 1).Key("a", V.Array).Number((uint)V.String).Number(2UL)
            .Text("x").Number(Huge).With(64)),
        ("the length of metadata 's' at byte 37 is 9223372036854775808", new RawGguf(0, 1).Key("s", V.String).Number(Huge).With(64)),
        ("array of type 13", new RawGguf(0, 1).Key("a", V.Array).Number(13u).Number(0UL).With(64)),
        ("has type 13", new RawGguf(0, 1).Key("a", (V)13).With(64)),
        ("bool of value 2", new RawGguf(0, 1).Key("b", V.Bool).Number((byte)2).With(64)),
        ("nested deeper than 8", Enumerable.Range(0, 20)
            .Aggregate(new RawGguf(0, 1).Key("a", V.Array), (raw, _) => raw.Number((uint)V.Array).Number(1UL)).With(64)),
        ("'a' is there twice", new RawGguf(0, 2).Key("a", V.UInt8).Number((byte)1).Key("a", V.UInt8).Number((byte)1).With(64)),
        ("not valid UTF-8 (0x61FF)", new RawGguf(0, 1).Bytes(0x61, 0xFF).Number((uint)V.UInt8).Number((byte)1).With(64)),
        ("0 bytes long", new RawGguf(0, 1).Key("", V.UInt8).Number((byte)1).With(64)),
        ("70000 bytes long", new RawGguf(0, 1).Key(new string('k', 70_000), V.UInt8).Number((byte)1).With(64)),
        ("'general.alignment' is 0", new RawGguf(0, 1).Key("general.alignment", V.UInt32).Number(0u).With(64)),
        ("'general.alignment' is the string", new RawGguf(0, 1).Key("general.alignment", V.String).Text("x").With(64)),
        ("not valid UTF-8", new RawGguf(1, 0).Bytes(0xC0, 0x80).Number(1u).Number(4UL).Number(0u).Number(0UL).With(64)),
        ("0 bytes long", new RawGguf(1, 0).Tensor("", 0, 0, 4).With(64)),
        ("'t' is there twice", new RawGguf(2, 0).Tensor("t", 0, 0, 4).Tensor("t", 0, 32, 4).With(64)),
        ("0 dimensions", new RawGguf(1, 0).Tensor("t", 0, 0).With(64)),
        ("9 dimensions", new RawGguf(1, 0).Tensor("t", 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1).With(64)),
        ("dimension 1 of tensor 't' is zero", new RawGguf(1, 0).Tensor("t", 0, 0, 4, 0).With(64)),
        ("dimension 0 of tensor 't' is zero or beyond", new RawGguf(1, 0).Tensor("t", 0, 0, Huge).With(64)),
        ("rows of 9223372036854775807 weights", new RawGguf(1, 0).Tensor("t", 0, 0, long.MaxValue).With(64)),
        ("but the file has", new RawGguf(1, 0).Tensor("t", 0, 0, 4, long.MaxValue, long.MaxValue, long.MaxValue).With(64)),
        ("but the file has", new RawGguf(1, 0).Tensor("t", 0, 0, 1 << 28, 1UL << 36).With(64)), // 2^64 rows times 4: 0 in 64 bits
        ("format Q8_1 (9), which cannot be read; formats that can: F32, F16", new RawGguf(1, 0).Tensor("t", 9, 0, 256).With(200)),
        ("format number 4000000000", new RawGguf(1, 0).Tensor("t", 4_000_000_000, 0, 256).With(200)),
        ("no whole number of Q4_K blocks of 256", new RawGguf(1, 0).Tensor("t", 12, 0, 128).With(200)),
        ("at offset 18446744073709551584", new RawGguf(1, 0).Tensor("t", 0, ulong.MaxValue - 31, 4).With(64)),
        ("no multiple of the alignment 32", new RawGguf(1, 0).Tensor("t", 0, 4, 4).With(64)),
        ("cut short", new RawGguf(1, 0).Tensor("t", 0, 64, 4).With(64)),
        ("'a' and 'b' overlap", new RawGguf(2, 0).Tensor("a", 0, 0, 16).Tensor("b", 0, 32, 4).With(64)),
        ("overlap", new RawGguf(2, 0).Tensor("b", 0, 0, 4).Tensor("a", 0, 0, 4).With(64)),
        ("its name must end in -NNNNN-of-00003.gguf", new RawGguf(0, 1).Key("split.count", V.UInt16).Number((ushort)3).With(64)),
    ];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, s_cases.Length)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Is_refused_with_the_offending_value(int number)
    {
        var (problem, file) = s_cases[number];
        using var folder = new TemporaryFolder();
        var path = folder.File("m.gguf", file);
        var message = Assert.Throws<ModelFileException>(() => ModelFile.Open(path)).Message;
        Assert.Contains(problem, message);
        Assert.StartsWith(path, message);
        Assert.Contains("; ", message); // what to do
        Assert.False(Exercise.Open(path));
    }

    [Fact]
    public void Truncated_anywhere_it_is_refused()
    {
        using var folder = new TemporaryFolder();
        var valid = Valid();
        Assert.True(Exercise.Open(folder.File("m.gguf", valid)));
        var last = valid.Length - 20; // the last tensor's 12 bytes are padded by 20
        for (var length = 0; length < last; length++)
            Assert.False(Exercise.Open(folder.File("m.gguf", valid[..length])), $"cut at {length}");
        Assert.True(Exercise.Open(folder.File("m.gguf", valid[..last])));
    }

    [Fact]
    public void With_any_byte_of_the_header_changed_it_is_read_or_refused()
    {
        using var folder = new TemporaryFolder();
        var valid = Valid();
        int read = 0, refused = 0;
        for (var position = 0; position < valid.Length; position++)
            foreach (var flip in (byte[])[0x01, 0x80, 0xFF])
            {
                var changed = (byte[])valid.Clone();
                changed[position] ^= flip;
                if (Exercise.Open(folder.File("m.gguf", changed)))
                    read++;
                else
                    refused++;
            }
        Assert.True(read > 100 && refused > 500, $"{read} read, {refused} refused"); // names and weights may change; structure may not
    }

    [Fact]
    public void Values_may_hold_bad_text_and_weights_may_be_NaN()
    {
        using var folder = new TemporaryFolder();
        var file = new RawGguf(1, 1).Key("s", V.String).Bytes(0x61, 0xFF).Tensor("t", 8, 0, 32).With(34);
        file[^33] = 0x7E; // the scale's high byte: NaN
        file[^34] = 0x01;
        using var model = ModelFile.Open(folder.File("m.gguf", file));
        Assert.Equal("a\uFFFD", model.Metadata.Get<string>("s"));
        var weights = new float[32];
        model.GetTensor("t").Dequantize(0, 1, weights);
        Assert.All(weights, w => Assert.True(float.IsNaN(w)));
    }

    [Fact]
    public void What_is_no_regular_file_is_refused_without_opening_it()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("/dev/zero is Linux's");
        Assert.Contains("empty", Assert.Throws<ModelFileException>(() => ModelFile.Open("/dev/zero")).Message);
    }
}
