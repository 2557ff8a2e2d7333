using System.CommandLine;
using System.Text.Json;
using Banyan.Cli.Settings;

namespace Banyan.Cli.Commands.Doctor;

/// <summary><c>banyan doctor</c>: looks at the machine, or at a hub, and says what to do.</summary>
static class DoctorCommand
{
    const int Found = 1;

    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var ofHub = new Option<bool>("--hub") { Description = "Look at the hub's promises as well: database, disk floor, a sample of its bytes, certificate" };
        var port = new Option<int>("--port", "-p") { Description = "The port that banyan up would take", DefaultValueFactory = _ => 8080 };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("doctor", """
            Look at this machine, or at a hub, and say what to do

            Kernels and why these, memory, huge pages, disk and its speed, open files, the sandbox, the port, the hub and its clock; with --hub the hub's promises.
            It changes nothing (a file of 64 MB is written and removed to measure the disk). Exit code 0: all is well or works with a warning. 1: something does not work.

            Examples:
              banyan doctor
              banyan doctor --hub --data /srv/banyan --json
            """) { ofHub, json };
        var hub = new HubChoice(command);
        ServerSettings.Add(command, port);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var (findings, asJson) = (new List<Finding>(), arguments.GetValue(json));
            void Add(Finding? finding)
            {
                if (finding is null)
                    return;
                findings.Add(finding);
                if (!asJson)
                    Print(finding);
            }

            Add(MachineChecks.Kernels());
            Add(MachineChecks.Memory());
            Add(MachineChecks.HugePages());
            foreach (var finding in MachineChecks.DataFolder(hub.Folder(arguments)))
                Add(finding);
            Add(MachineChecks.OpenFiles());
            Add(await MachineChecks.SandboxAsync(cancellationToken));
            Add(MachineChecks.Port(arguments.GetValue(port)));
            Add(await MachineChecks.HubAsync(cancellationToken));
            if (arguments.GetValue(ofHub))
                await foreach (var finding in HubChecks.RunAsync(hub, arguments, cancellationToken))
                    Add(finding);
            if (asJson)
                Console.Out.WriteLine(JsonSerializer.Serialize(findings, s_json));
            return findings.Any(f => f.Health == Health.Bad) ? Found : 0;
        });
        return command;
    }

    static void Print(Finding finding)
    {
        var sign = finding.Health switch { Health.Good => "ok  ", Health.Warning => "warn", _ => "BAD " };
        Console.Out.WriteLine($"{sign}  {finding.Subject,-16} {finding.Found}");
        if (finding.Advice is { } advice)
            Console.Out.WriteLine($"{"",23}{advice}");
    }
}
