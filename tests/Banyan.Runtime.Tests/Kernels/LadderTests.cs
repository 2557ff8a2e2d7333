using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

public class LadderTests
{
    [Fact]
    public void The_best_supported_rung_is_the_default() =>
        Assert.Equal(Ladder.All.First(r => r.IsSupported).Name, Ladder.Choose(null).Name);

    [Fact]
    public void The_last_rung_works_everywhere() => Assert.True(Ladder.All[^1] is ScalarRung { IsSupported: true });

    [Fact]
    public void Every_supported_rung_can_be_forced()
    {
        foreach (var rung in Ladder.All.Where(r => r.IsSupported))
            Assert.Same(rung, Ladder.Choose(rung.Name));
    }

    [Fact]
    public void An_unknown_rung_is_refused_with_the_names_there_are()
    {
        var message = Assert.Throws<NotSupportedException>(() => Ladder.Choose("avx3")).Message;
        Assert.Contains("avx3", message);
        Assert.Contains("scalar", message);
    }

    /// <summary>The kernel tests once more in a process that has fewer instructions, or is told to use fewer.</summary>
    [Theory]
    [InlineData("DOTNET_EnableAVX2", "0", "scalar")]
    [InlineData("DOTNET_EnableHWIntrinsic", "0", "scalar")]
    [InlineData("DOTNET_EnableAVX512", "0", "the best without AVX-512")]
    [InlineData("BANYAN_NO_EXECUTABLE_MEMORY", "1", "the best that is not assembled")]
    [InlineData("BANYAN_KERNELS", "avx-vnni", "avx-vnni")]
    [InlineData("BANYAN_KERNELS", "scalar", "scalar")]
    public async Task Kernels_work_without(string variable, string value, string expected)
    {
        if (value == "1")
            expected = Ladder.All.First(r => r.IsSupported && r.Form is null).Name;
        if (variable == "DOTNET_EnableAVX512")
            // AVX2, or AVX-VNNI where it has a form of its own
            expected = Ladder.Choose(null, ProcessorFacts.Current with { RuntimeHasAvx512 = false }).Name;
        Assert.SkipWhen(Ladder.All.First(r => r.Name == expected) is { IsSupported: false }, $"This processor has no {expected}.");
        // A rung that is named is tested by this process beside all others, and the scalar one without AVX2: there it only has to be stood
        // on.
        await RungProcess.Run(variable, value, expected,
            variable is "BANYAN_KERNELS" or "DOTNET_EnableHWIntrinsic" ? RungProcess.Classes(typeof(QuantizeTests))
            : RungProcess.Classes(typeof(LinearTests), typeof(QuantizeTests), typeof(OperationTests), typeof(RungMemoryTests)));
    }
}

/// <summary>In a child of <see cref="LadderTests.Kernels_work_without"/>: it really runs on the rung it should.</summary>
public class ExpectedRungTests
{
    [Fact]
    public void The_rung_in_use_is_the_expected_one() =>
        Assert.Equal(Environment.GetEnvironmentVariable(RungProcess.Expected)
            ?? Ladder.Choose(Environment.GetEnvironmentVariable("BANYAN_KERNELS")).Name, Ladder.Current.Name);
}
