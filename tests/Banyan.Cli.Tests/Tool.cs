using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Cli.Tests;

/// <summary>Runs the tool as a user's shell does: a process of its own.</summary>
static class Tool
{
    public static async Task<(int ExitCode, string Output, string Error)> Run(string[] arguments, string? input = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = BanyanProgram.Start(arguments);
        start.RedirectStandardInput = true;
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        if (input is not null)
            await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
