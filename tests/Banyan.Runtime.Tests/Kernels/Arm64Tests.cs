using System.Diagnostics;
using System.Runtime.InteropServices;
using Banyan.Runtime.Tests.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>
/// The kernels of Arm64 on processors of the emulator qemu, where this machine is another: these tests' own assembly in .NET for Arm64
/// (tests/Arm64). Emulated, they take twenty times as long: some of them in every run, all with BANYAN_ARM64_TESTS=all.
/// </summary>
public class Arm64Tests
{
    static readonly string s_folder = Path.Combine(SharedData.Repository, "tests", "Arm64", "bin"), s_host =
        Path.Combine(s_folder, "host", "Host");

    static bool All => Environment.GetEnvironmentVariable("BANYAN_ARM64_TESTS") == "all";

    /// <summary>
    /// The emulator's newest processor, with logits in the same process (its start takes longest), and one from before dot products
    /// (Raspberry Pi 4).
    /// </summary>
    [Theory]
    [InlineData("max", "dotprod")]
    [InlineData("cortex-a72", "neon")]
    public async Task Kernels_agree_with_the_scalar_ones(string processor, string rung) => await RunAsync(processor, rung, All
        ? RungProcess.Classes(typeof(LinearTests), typeof(QuantizeTests), typeof(OperationTests), typeof(RungMemoryTests),
            typeof(AttentionTests), typeof(IntegerDotsTests))
        : [.. RungProcess.Methods(typeof(RungMemoryTests), "*"), .. RungProcess.Methods(typeof(QuantizeTests), "*"),
            .. processor == "max"
            ? RungProcess.Methods(typeof(ReferenceTests), nameof(ReferenceTests.Formats_and_kinds_of_layers_stay_close)) : []]);

    [Fact]
    public async Task Logits_hold()
    {
        Assert.SkipUnless(All, "A sample of it is part of the test of kernels; all of it with BANYAN_ARM64_TESTS=all.");
        await RunAsync("max", "dotprod", RungProcess.Classes(typeof(ReferenceTests)));
    }

    static async Task RunAsync(string processor, string rung, string[] filters)
    {
        Assert.SkipWhen(RuntimeInformation.ProcessArchitecture == Architecture.Arm64,
            "This machine is Arm64: all other tests run on its rungs.");
        Assert.SkipUnless(File.Exists(s_host), $"No Arm64 emulator with .NET in {s_folder}: tests/prepare makes it on Debian, as root.");
        var start = new ProcessStartInfo("qemu-aarch64");
        foreach (var argument in (string[])["-cpu", processor, "-L", "/usr/aarch64-linux-gnu", "-E",
            $"LD_LIBRARY_PATH={s_folder}/libraries/usr/lib/aarch64-linux-gnu", s_host, typeof(Arm64Tests).Assembly.Location])
            start.ArgumentList.Add(argument);
        // The emulator maps no memory twice, and its memory is not the machine's.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x60000000";
        start.Environment["DOTNET_TieredPGO"] = "0";
        await RungProcess.Run(start, rung, filters);
    }
}
