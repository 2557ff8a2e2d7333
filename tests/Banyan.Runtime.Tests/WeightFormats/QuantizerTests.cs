using System.Security.Cryptography;
using Banyan.Runtime.Files;
using Banyan.Runtime.Quantization;
using Banyan.Runtime.Tests.Files;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.WeightFormats;

/// <summary>The files are llama.cpp's, byte for byte.</summary>
public class QuantizerTests
{
    [Theory]
    [InlineData("BF16")]
    [InlineData("Q8_0")]
    [InlineData("Q6_K")]
    [InlineData("Q5_K_M")]
    [InlineData("Q5_K_S")]
    [InlineData("Q5_1")]
    [InlineData("Q5_0")]
    [InlineData("Q4_K_M")]
    [InlineData("Q4_K_S")]
    [InlineData("Q4_1")]
    [InlineData("Q4_0")]
    [InlineData("IQ4_NL")]
    [InlineData("IQ4_XS")]
    [InlineData("Q3_K_L")]
    [InlineData("Q3_K_M")]
    [InlineData("Q3_K_S")]
    [InlineData("Q2_K")]
    [InlineData("TQ2_0")]
    [InlineData("TQ1_0")]
    [InlineData("Q2_0")]
    [InlineData("Q1_0")]
    [InlineData("MXFP4_MOE", "qwen3moe")]
    [InlineData("Q4_0", "qwen2", "-imatrix")]
    [InlineData("Q4_K_M", "qwen2", "-imatrix")]
    [InlineData("Q2_K", "qwen2", "-imatrix")]
    [InlineData("IQ4_XS", "qwen2", "-imatrix")]
    [InlineData("IQ4_NL", "qwen2", "-imatrix")]
    [InlineData("Q2_K_S", "qwen2", "", true)]
    [InlineData("IQ3_M")]
    [InlineData("IQ3_S")]
    [InlineData("IQ3_XXS", "qwen2", "", true)]
    [InlineData("IQ2_M", "qwen2", "", true)]
    [InlineData("IQ2_S", "qwen2", "", true)]
    [InlineData("IQ2_XS", "qwen2", "", true)]
    [InlineData("IQ2_XXS", "qwen2", "", true)]
    [InlineData("IQ1_M", "qwen2", "", true)]
    [InlineData("IQ1_S", "qwen2", "", true)]
    public void A_file_is_llama_cpps(string type, string model = "qwen2", string ending = "", bool weighed = false)
    {
        var importance = weighed || ending.Length > 0
            ? new ImportanceMatrix(SharedData.Path("models", "formats/qwen2.imatrix.gguf")) : null;
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "out.gguf");
        using (var file = ModelFile.Open(SharedData.Path("models", $"formats/{model}-F32.gguf")))
            new Quantizer(file, type, importance).Write(path);
        Same($"formats/{model}-{type}{ending}.gguf", path);
    }

    [Theory]
    [InlineData("MXFP4")]
    [InlineData("NVFP4")]
    public void Tensors_are_named_by_patterns(string format)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "out.gguf");
        using (var file = ModelFile.Open(SharedData.Path("models", "formats/qwen2-F32.gguf")))
            new Quantizer(file, "Q8_0", null, [(@"blk\..*weight", format), ("blk", "Q4_0")]).Write(path);
        Same($"formats/qwen2-{format}.gguf", path);
    }

    [Fact]
    public void What_was_interrupted_goes_on_and_is_the_same()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "out.gguf");
        using var file = ModelFile.Open(SharedData.Path("models", "formats/qwen2-F32.gguf"));
        var read = new Reads();
        void Write(string type, long last, CancellationTokenSource? stop = null)
        {
            (read.Stop, read.Last, read.First) = (stop, last, -1);
            new Quantizer(file, type) { SafeEvery = 1 }.Write(path, read, stop?.Token ?? default);
        }
        var half = file.Tensors.Sum(t => t.ByteLength) / 2;
        using (var stop = new CancellationTokenSource())
            Assert.ThrowsAny<OperationCanceledException>(() => Write("Q4_K_M", half, stop));
        Assert.False(File.Exists(path));
        var safe = new FileInfo(path + ".part").Length;

        // Killed while it wrote: what is behind the safe bytes is written again.
        using (var part = new FileStream(path + ".part", FileMode.Append))
            part.Write("half of a tensor"u8);
        Write("Q4_K_M", long.MaxValue);
        Assert.InRange(read.First, half / 2, long.MaxValue);
        Same("formats/qwen2-Q4_K_M.gguf", path);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        File.Delete(path);

        // Another type, or another source, begins anew.
        using (var stop = new CancellationTokenSource())
            Assert.ThrowsAny<OperationCanceledException>(() => Write("Q8_0", half, stop));
        Assert.True(safe > 0 && new FileInfo(path + ".part").Length > 0);
        Write("Q4_0", long.MaxValue);
        Same("formats/qwen2-Q4_0.gguf", path);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    sealed class Reads : IProgress<Banyan.Runtime.Models.LoadProgress>
    {
        public CancellationTokenSource? Stop { get; set; }
        public long Last { get; set; }
        public long First { get; set; }

        public void Report(Banyan.Runtime.Models.LoadProgress value)
        {
            if (First < 0)
                First = value.Bytes;
            if (value.Bytes >= Last)
                Stop?.Cancel();
        }
    }

    [Theory]
    [InlineData("(", "Q8_0", "no pattern")]
    [InlineData("(a)\\1", "Q8_0", "no pattern")]
    [InlineData("attn_v", "IQ2_XXS",
        "blk.0.attn_v.weight would be written in IQ2_XXS, which is of no use where there is no importance matrix")]
    [InlineData("attn_v", "Q9", "no weight format that can be written")]
    public void A_pattern_or_format_that_is_none_is_refused(string pattern, string format, string problem)
    {
        using var file = ModelFile.Open(SharedData.Path("models", "formats/qwen2-F32.gguf"));
        Assert.Contains(problem, Assert.Throws<ArgumentException>(() => new Quantizer(file, "Q8_0", null, [(pattern, format)])).Message,
            StringComparison.Ordinal);
    }

    static void Same(string reference, string path)
    {
        var expected = File.ReadAllBytes(SharedData.Path("models", reference));
        var actual = File.ReadAllBytes(path);
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(expected.AsSpan().SequenceEqual(actual),
            $"first difference at byte {expected.AsSpan().CommonPrefixLength(actual)} of {expected.Length}, {expected.Zip(actual, (a, b) => a != b ? 1 : 0).Sum()} in all");
    }
}
