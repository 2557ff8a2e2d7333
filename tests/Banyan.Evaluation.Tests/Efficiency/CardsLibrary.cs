using System.Diagnostics;

namespace Banyan.Evaluation.Tests.Efficiency;

/// <summary>
/// A shared library with NVML's entry points, as nvml.h declares them, compiled by the test: what is loaded and called is real, only the
/// cards are not. At each reading, a card has used 1.5 J more.
/// </summary>
static class CardsLibrary
{
    const string Source = """
        typedef struct Card { unsigned long long millijoules; bool counts; }* nvmlDevice_t;
        static bool started;
        static Card cards[] = { { 5000000000000ULL, true }, { 7, SECOND_COUNTS } };
        extern "C" int nvmlInit_v2() { started = true; return 0; }
        extern "C" int nvmlDeviceGetCount_v2(unsigned int* count) { if (!started) return 1; *count = CARDS; return 0; }
        extern "C" int nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t* card) { if (index >= CARDS) return 2; *card = &cards[index]; return 0; }
        #ifdef ENERGY
        extern "C" int nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t card, unsigned long long* energy)
        {
            if (!card->counts || !COUNTS) return 3;
            *energy = card->millijoules += 1500;
            return 0;
        }
        #endif
        """;

    /// <summary>Compiles it into a folder; skips the test where there is no compiler.</summary>
    public static string Compile(string folder, int cards = 2, bool function = true, bool counts = true, bool secondCounts = true)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a loaded library cannot be deleted there");
        var (source, library) = (Path.Combine(folder, "cards.cpp"), Path.Combine(folder, "libcards.so"));
        File.WriteAllText(source, Source);
        string[] defined = [$"-DCARDS={cards}", $"-DCOUNTS={(counts ? 1 : 0)}", $"-DSECOND_COUNTS={(secondCounts ? "true" : "false")}",
            .. function ? (string[])["-DENERGY"] : []];
        var start = new ProcessStartInfo("g++", ["-shared", "-fPIC", "-o", library, .. defined, source]) { RedirectStandardError = true };
        try
        {
            using var compiler = Process.Start(start)!;
            var said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.True(compiler.ExitCode == 0, said);
        }
        catch (System.ComponentModel.Win32Exception) when (Environment.GetEnvironmentVariable("CI") != "true")
        {
            Assert.Skip("there is no g++ to compile a library of cards with");
        }
        return library;
    }
}
