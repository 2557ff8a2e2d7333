using System.CommandLine;
using System.Text.Json;
using Banyan.Cli.Settings;

namespace Banyan.Cli.Commands.Doctor;

/// <summary><c>banyan doctor</c>: looks at the machine, or at a hub, and says what to do.</summary>
sealed class DoctorCommand : Command
{
    const int Found = 1;

    static readonly JsonSerializerOptions s_json =
        new(JsonSerializerDefaults.Web)
        {
            WriteIndented = true,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
        };

    readonly Option<bool> _ofHub = new("--hub")
    {
        Description = "Look at the hub's promises as well: database, disk floor, a sample of its bytes, certificate",
    };
    readonly Option<int> _port = new("--port", "-p")
    {
        Description = "The port that banyan up would take",
        DefaultValueFactory = _ => 8080,
    };
    readonly Option<bool> _json = CommandParts.Json();
    readonly HubChoice _hub;

    public DoctorCommand() : base("doctor", """
        Look at this machine, or at a hub, and say what to do

        Kernels and why these, memory, huge pages, disk and its speed, open files, the sandbox, the port, the hub and its clock; with --hub the hub's promises.
        It changes nothing (a file of 64 MB is written and removed to measure the disk). Exit code 0: all is well or works with a warning. 1: something does not work.

        Examples:
          banyan doctor
          banyan doctor --hub --data /srv/banyan --json
        """)
    {
        this.AddAll(_ofHub, _json);
        _hub = new HubChoice(this);
        ServerSettings.Add(this, _port);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (findings, asJson) = (new List<Finding>(), arguments.GetValue(_json));
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
        foreach (var finding in MachineChecks.DataFolder(_hub.Folder(arguments)))
            Add(finding);
        Add(MachineChecks.OpenFiles());
        Add(await MachineChecks.SandboxAsync(cancellationToken));
        Add(MachineChecks.Port(arguments.GetValue(_port)));
        Add(await MachineChecks.HubAsync(cancellationToken));
        if (arguments.GetValue(_ofHub))
            await foreach (var finding in HubChecks.RunAsync(_hub, arguments, cancellationToken))
                Add(finding);
        if (asJson)
            Console.Out.WriteLine(JsonSerializer.Serialize(findings, s_json));
        return findings.Any(f => f.Health == Health.Bad) ? Found : 0;
    }

    static void Print(Finding finding)
    {
        var sign = finding.Health switch { Health.Good => "ok  ", Health.Warning => "warn", _ => "BAD " };
        Console.Out.WriteLine($"{sign}  {finding.Subject,-16} {finding.Found}");
        if (finding.Advice is { } advice)
            Console.Out.WriteLine($"{"",23}{advice}");
    }
}
