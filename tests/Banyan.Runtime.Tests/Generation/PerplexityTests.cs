using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Files;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>
/// Perplexity is what single log-probabilities make it; divergence is 0 from oneself and grows with what quantizing loses.
/// </summary>
public class PerplexityTests
{
    const int Chunk = 48;

    static readonly int[] s_text = [.. Enumerable.Range(0, 3 * Chunk + 5).Select(i => (i * 37 + i * i * 11) % 500)];

    static Model Load(string name) =>
        Model.Load(SharedData.Path("models", $"{name}.gguf"),
            new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    [Fact]
    public void It_is_the_mean_over_second_halves_of_chunks()
    {
        using var model = Load("qwen2-tiny-f32");
        var result = Perplexity.Measure(model, s_text, Chunk);
        double[] negative =
            [.. Enumerable.Range(0, 3)
                .SelectMany(chunk => PromptScorer.Score(model, s_text[(chunk * Chunk)..((chunk + 1) * Chunk)]).Skip(Chunk / 2 + 1)
                    .Select(t => -(double)t.LogProb!))];
        Assert.Equal(negative.Length, result.Count);
        Assert.Equal(Math.Exp(negative.Average()), result.Value.Value, 1e-3 * result.Value.Value);
        var deviation = Math.Sqrt(negative.Sum(n => Math.Pow(n - negative.Average(), 2)) / negative.Length / (negative.Length - 1));
        Assert.Equal(result.Value.Value * deviation, result.Value.Error, 1e-3 * result.Value.Error);
        Assert.False(result.HasBase);
    }

    [Fact]
    public void Divergence_is_measured_against_a_file()
    {
        using var temporary = new TemporaryFolder();
        var file = Path.Combine(temporary.Path, "base");
        using (var model = Load("qwen2-tiny-f32"))
        {
            var measured = Perplexity.Measure(model, s_text, Chunk, file);
            var same = Perplexity.Compare(model, file);
            Assert.Equal(measured.Value.Value, same.Value.Value, 1e-6);
            Assert.InRange(same.Divergence.Value, -1e-6, 1e-6); // 16 bits a log-probability
            Assert.Equal(1, same.SameTop.Value);
            Assert.Equal(measured.Value.Value, same.Base.Value, 1e-3 * measured.Value.Value);
        }
        using var quantized = Load("qwen2-tiny-Q4_0");
        var result = Perplexity.Compare(quantized, file);
        Assert.True(result.Divergence.Value > 1e-5 && result.Divergence.Error > 0 && result.DivergenceAt(1) >= result.DivergenceAt(0.5)
            && result.DifferenceRms.Value > 0);
        Assert.Equal(Math.Log(result.Value.Value / result.Base.Value), result.LogRatio.Value, 1e-9);
    }

    [Theory]
    [InlineData("no header", "holds no distributions")]
    [InlineData("cut short", "cut short or damaged")]
    [InlineData("huge", "cut short or damaged")]
    [InlineData("nan", "no numbers")]
    [InlineData("other vocabulary", "of another model")]
    public void A_file_that_is_no_base_is_refused(string kind, string problem)
    {
        using var temporary = new TemporaryFolder();
        var file = Path.Combine(temporary.Path, "base");
        using var model = Load(kind == "other vocabulary" ? "stories260K" : "qwen2-tiny-f32");
        using (var writer = Load("qwen2-tiny-f32"))
            Perplexity.Measure(writer, s_text, Chunk, file);
        var bytes = File.ReadAllBytes(file);
        if (kind == "no header")
            bytes[0] = (byte)'x';
        else if (kind == "cut short")
            bytes = bytes[..^1];
        else if (kind == "huge")
            BitConverter.GetBytes(int.MaxValue).CopyTo(bytes, 16);
        else if (kind == "nan")
            BitConverter.GetBytes(float.NaN).CopyTo(bytes, 20 + 3 * Chunk * 4);
        File.WriteAllBytes(file, bytes);
        Assert.Contains(problem, Assert.Throws<ModelFileException>(() => Perplexity.Compare(model, file)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_shorter_than_a_chunk_is_refused()
    {
        using var model = Load("qwen2-tiny-f32");
        Assert.Contains("less than one chunk of 500",
            Assert.Throws<ArgumentException>(() => Perplexity.Measure(model, s_text, 500)).Message, StringComparison.Ordinal);
    }
}
