using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Checking;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan fsck</c>: verifies a hub again from its bytes.</summary>
sealed partial class Fsck : Command
{
    const int Found = 1;

    readonly Option<string> _sample = Sample();
    readonly Option<string?> _rate = Rate();
    readonly Option<bool> _json = CommandParts.Json();
    readonly HubChoice _hub;

    public Fsck() : base("fsck", """
        Verify a hub again: every git object's id, every stored object, every large file

        Nothing that is written down is believed: ids and hashes are computed from the bytes. Safe beside a hub that runs.
        Exit code 0: nothing is damaged. 1: something is; each line says what and what to do.

        Examples:
          banyan fsck
          banyan fsck --data /srv/banyan --sample 1% --max-rate 50MB/s
          banyan fsck --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/ --json
        """)
    {
        this.AddAll(_sample, _rate, _json);
        _hub = new HubChoice(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = Checks(arguments, _sample, _rate);
        await using var place = HubPlace.Open(_hub, arguments);
        var asJson = arguments.GetValue(_json);
        var report = await MaintenanceProgress.RunAsync(asJson,
            show => new HubCheck(place.Database, place.Objects, TimeProvider.System).RunAsync(options,
                p => show(p.Phase, p.Done, p.Total), cancellationToken));
        if (asJson)
            HubCommand.PrintJson(report);
        else
            Print(report);
        return report.Clean ? 0 : Found;
    }

    /// <summary>What fraction is checked.</summary>
    public static Option<string> Sample() =>
        new("--sample")
        {
            Description = "Look at this share of repositories, objects and large files, e.g. 1%",
            HelpName = "SHARE",
            DefaultValueFactory = _ => "100%"
        };

    /// <summary>The speed limit.</summary>
    public static Option<string?> Rate() => new("--max-rate")
    {
        Description = "Read no faster than this, e.g. 100MB/s",
        HelpName = "SPEED",
    };

    /// <summary>The check options of these two.</summary>
    public static CheckOptions Checks(ParseResult arguments, Option<string> sample, Option<string?> rate) =>
        new()
        {
            Sample = Share(arguments.GetRequiredValue(sample)),
            MaxBytesPerSecond = arguments.GetValue(rate) is { } speed ? Speed(speed) : null
        };

    /// <summary>Prints the findings.</summary>
    public static void Print(CheckReport report)
    {
        foreach (var finding in report.Findings)
            Console.WriteLine($"{(finding.Damage ? "DAMAGE" : "note  ")}  {finding.Subject} {finding.Problem}\n        {finding.Remedy}");
        Console.WriteLine(
            $"{report.Repos} repositories ({report.GitObjects} git objects), {report.Xorbs} stored objects, {report.Contents} large files; {Sizes.Bytes(report.Bytes)} read: " +
            (report.Clean ? "all as it should be" : $"{report.Findings.Count(f => f.Damage)} damaged"));
    }

    /// <exception cref="CommandException">It is not valid.</exception>
    static double Share(string text) =>
        text.EndsWith('%') && double.TryParse(text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var percent)
        && percent is > 0 and <= 100
            ? percent / 100
            : throw new CommandException($"--sample {text}: expected a share like 1% or 0.5%");

    /// <exception cref="CommandException">It is not valid.</exception>
    static long Speed(string text)
    {
        var match = Written().Match(text);
        return match.Success && long.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and < 1_000_000
            ? number * (match.Groups[2].Value switch { "KB" => 1_000L, "MB" => 1_000_000L, _ => 1_000_000_000L })
            : throw new CommandException($"--max-rate {text}: expected KB/s, MB/s or GB/s, like 100MB/s");
    }

    [GeneratedRegex(@"^(\d{1,6})(KB|MB|GB)/s\z", RegexOptions.CultureInvariant)]
    private static partial Regex Written();
}
