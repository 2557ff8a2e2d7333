using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Faults;

/// <summary>A command of the tool that may be killed while it works.</summary>
sealed class ToolProcess : IDisposable
{
    readonly Process _process;
    readonly Task<string> _output, _errors;

    public ToolProcess(string[] arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = BanyanProgram.Start(arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        (_output, _errors) = (_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
    }

    /// <summary>Whether it was killed, not done.</summary>
    public bool WasKilled { get; private set; }

    /// <summary>Waits for its end.</summary>
    public async Task<(int ExitCode, string Output, string Errors)> EndAsync()
    {
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _output, await _errors);
    }

    /// <summary>Kills it after a while, if it is not done by then.</summary>
    public async Task KillAsync(TimeSpan after)
    {
        using var patience = new CancellationTokenSource(after);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            WasKilled = true;
            HubProcess.Signal(_process.Id);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose() => _process.Dispose();
}
