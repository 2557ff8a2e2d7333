using Banyan.Runtime.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// One tiny model in every weight format, quantized by llama.cpp: log-probabilities along the tokens of the same weights in F32, as
/// llama.cpp computed them. These random weights amplify what activations lose: llama.cpp's own kernels differ from it by 0.15 to 0.5.
/// </summary>
public class FormatReferenceTests
{
    public static TheoryData<string> Files => [.. Directory.GetFiles(SharedData.Path("models", "formats"), "*.reference.json")
        .Select(f => Path.GetFileName(f)[..^".reference.json".Length]).Where(f => !f.Contains("imatrix") && !f.EndsWith("F32"))
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_format_holds_the_bar(string name)
    {
        var runs = Reference.Load($"formats/{name}").Runs;
        using var exact = Load(name, ActivationFormat.Float, KvFormat.F32);
        var differences = Reference.Differences(exact, runs, 256);
        Assert.True(differences.All(d => d <= 2e-3f), $"exact: {differences.Max():g3}");
        using var fast = Load(name, ActivationFormat.Quantized, KvFormat.F16);
        differences = Reference.Differences(fast, runs, 256);
        TestContext.Current.TestOutputHelper?.WriteLine($"fast: max {differences.Max():g3}, mean {differences.Average():g3}");
        Assert.True(differences.All(d => d <= 0.5f) && differences.Average() <= 0.1f,
            $"fast: max {differences.Max():g3}, mean {differences.Average():g3}");
    }

    static Model Load(string name, ActivationFormat activations, KvFormat kv) =>
        Model.Load(Reference.Path($"formats/{name}"), new ModelOptions { Threads = 2, Activations = activations, KvCache = kv });
}
