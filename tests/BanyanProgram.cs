using System.Diagnostics;

namespace Banyan.Tests;

/// <summary>
/// The program under test: the one that was built with the tests or, where <c>BANYAN_TEST_PROGRAM</c> names a file, that one. So the tests
/// of the command line judge a packaged program too: <c>BANYAN_TEST_PROGRAM=out/banyan-linux-x64 ./check Cli</c>.
/// </summary>
static class BanyanProgram
{
    static readonly string? s_packaged = Environment.GetEnvironmentVariable("BANYAN_TEST_PROGRAM") is { Length: > 0 } path
        ? Path.GetFullPath(path) : null;

    static string Built => Path.Combine(AppContext.BaseDirectory, "banyan.dll");

    /// <summary>What a shell writes to run it.</summary>
    public static string InShell => s_packaged is null ? $"dotnet '{Built}'" : $"'{s_packaged}'";

    /// <summary>How a process with these arguments is started; its output and messages come back.</summary>
    public static ProcessStartInfo Start(params IEnumerable<string> arguments) => s_packaged is null
        ? new("dotnet", [Built, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true }
        : new(s_packaged, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
}
