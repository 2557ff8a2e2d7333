using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Tests.Kernels;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// The logits' bar, <see cref="ReferenceTests"/>, on every rung: each forced in a process of its own, and once without memory that can be
/// executed.
/// </summary>
public class RungReferenceTests
{
    public static TheoryData<string> Rungs => [.. Ladder.All.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Rungs))]
    public async Task Logits_hold_on(string rung)
    {
        Assert.SkipUnless(Ladder.All.First(r => r.Name == rung).IsSupported, $"This processor has no {rung}.");
        Assert.SkipWhen(rung == Ladder.Current.Name, $"{rung} is what all other tests run on.");
        await RungProcess.Run("BANYAN_KERNELS", rung, rung, Bars(rung == Ladder.All[^1].Name));
    }

    [Fact]
    public async Task Logits_hold_without_executable_memory() =>
        await RungProcess.Run("BANYAN_NO_EXECUTABLE_MEMORY", "1",
            Ladder.All.First(r => r.IsSupported && r.Form is null).Name, Bars(few: false));

    // Plain loops take their time: the fast path alone, which is what differs most between rungs.
    static string[] Bars(bool few) => few
        ? RungProcess.Methods(typeof(ReferenceTests), nameof(ReferenceTests.Formats_and_kinds_of_layers_stay_close))
        : RungProcess.Methods(typeof(ReferenceTests), nameof(ReferenceTests.Formats_and_kinds_of_layers_stay_close),
            nameof(ReferenceTests.Formats_and_kinds_of_layers_are_exact));
}
