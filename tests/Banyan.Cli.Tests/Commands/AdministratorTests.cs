using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Banyan.Cli.Tests.Faults;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

/// <summary>
/// The handbook's week of an administrator, pasted into one shell: on a folder of its own in place of <c>/srv</c>, and a free port.
/// </summary>
public sealed partial class AdministratorTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-week-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task The_week_of_the_handbook_works_as_pasted()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a shell");
        Assert.SkipUnless(Sampled.All, "some thirty processes: ./check --all");
        var page = await File.ReadAllTextAsync(Path.Combine(SharedData.Repository, "docs", "operations.md"),
            TestContext.Current.CancellationToken);
        var week = page.Split("## A week of an administrator")[1].Split("\n## ")[0];
        var days = Blocks().Matches(week).Select(m => m.Groups[1].Value).ToArray();
        Assert.Equal(7, days.Length);
        var script = "set -euo pipefail; set -m; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + string.Join("echo == day\n", days);
        script = script.Replace("/srv", _folder.FullName, StringComparison.Ordinal)
            .Replace("8080", $"{HubProcess.FreePort()}", StringComparison.Ordinal);
        var programs = _folder.CreateSubdirectory("bin").FullName;
        var banyan = Path.Combine(programs, "banyan");
        await File.WriteAllTextAsync(banyan, $"#!/bin/sh\nexec {BanyanProgram.InShell} \"$@\"\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(banyan, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.CreateDirectory(Path.Combine(_folder.FullName, "banyan"),
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var start = new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["PATH"], start.Environment["HOME"]) =
            ($"{programs}:{Environment.GetEnvironmentVariable("PATH")}", _folder.FullName);
        using var shell = Process.Start(start)!;
        var (output, error) = (shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        var said = await output;
        Assert.True(shell.ExitCode == 0, $"{said}\n--\n{await error}");
        Assert.Equal(days.Length - 1, said.Split("== day").Length - 1);
        Assert.Contains("refused: the quota", said);
        Assert.Contains("refused: the disk", said);
        Assert.Contains("none changed", said);
        // The audit tells the week.
        var audit = await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "audit.jsonl"), TestContext.Current.CancellationToken);
        foreach (var action in (string[])["user.add", "org.add", "member.set", "quota.set", "repo.create", "user.suspend", "repo.move",
            "user.remove", "token.remove", "hub.rotate-keys", "hub.maintenance"])
            Assert.Contains($"\"action\":\"{(action == "token.remove" ? "token.revoke" : action)}\"", audit);
    }

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
