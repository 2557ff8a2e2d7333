using System.Diagnostics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>Tests once more in a process that has fewer instructions, or is told to use fewer: rungs are chosen once a process.</summary>
static class RungProcess
{
    /// <summary>In such a process: the rung it has to stand on.</summary>
    public const string Expected = "BANYAN_KERNEL_TESTS_CHILD";

    /// <summary>
    /// What tests of every rung run on: all that this processor has; in a child the one it is for, since the others were tested by who
    /// began it.
    /// </summary>
    public static IEnumerable<Rung> Rungs =>
        Environment.GetEnvironmentVariable(Expected) is null ? Ladder.All.Where(r => r.IsSupported) : [Ladder.Current];

    /// <summary>Runs the tests that <paramref name="filters"/> name; all must pass.</summary>
    public static async Task Run(string variable, string value, string expected, params string[] filters)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(RungProcess).Assembly.Location);
        start.Environment[variable] = value;
        await Run(start, expected, filters);
    }

    /// <summary>The same in a process that runs this assembly, to be started as it is said.</summary>
    public static async Task Run(ProcessStartInfo start, string expected, params string[] filters)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        foreach (var argument in (string[])["-noColor", "-noLogo", .. filters])
            start.ArgumentList.Add(argument);
        start.Environment[Expected] = expected;
        start.Environment["BANYAN_GUARDED_MEMORY"] = "true"; // what reaches behind a buffer ends the process
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
        Assert.True(process.ExitCode == 0, await output + await errors);
        Assert.Contains("Failed: 0", await output);
        Assert.DoesNotContain("Total: 0,", await output);
    }

    /// <summary>The filters of whole classes, and of <see cref="ExpectedRungTests"/>.</summary>
    public static string[] Classes(params Type[] classes) =>
        [.. classes.Append(typeof(ExpectedRungTests)).SelectMany(c => (string[])["-class", c.FullName!])];

    /// <summary>
    /// The filters of methods of one class, and of <see cref="ExpectedRungTests"/>: a class beside a method would be what both name, which
    /// is nothing.
    /// </summary>
    public static string[] Methods(Type type, params string[] methods) =>
        [.. methods.Select(m => $"{type.FullName}.{m}")
            .Append($"{typeof(ExpectedRungTests).FullName}.{nameof(ExpectedRungTests.The_rung_in_use_is_the_expected_one)}")
            .SelectMany(m => (string[])["-method", m])];
}
