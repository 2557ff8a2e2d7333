using System.Text.Json;

namespace Banyan.Cli.Tests.Commands;

/// <summary>Looking after a hub from the command line.</summary>
public sealed class MaintenanceTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-test-");

    string In(string name) => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_hub_is_checked_collected_backed_up_and_restored()
    {
        Assert.Equal(0, (await Tool.Run(["hub", "user", "add", "ana", "--data", In("hub")])).ExitCode);
        var check = await Tool.Run(["fsck", "--data", In("hub"), "--json", "--sample", "50%", "--max-rate", "100MB/s"]);
        Assert.Equal((0, ""), (check.ExitCode, check.Error));
        Assert.True(JsonDocument.Parse(check.Output).RootElement.GetProperty("clean").GetBoolean());
        var collection = await Tool.Run(["hub", "gc", "--data", In("hub"), "--dry-run"]);
        Assert.Equal((0, "would remove 0 git objects, 0 uploads never committed, 0 large files, 0 stored objects (0 bytes); 0 wait for the end of their grace time\n"), (collection.ExitCode, collection.Output));

        var backup = await Tool.Run(["backup", In("backup"), "--data", In("hub")]);
        Assert.Matches("^snapshot [0-9]{8}T[0-9]{6}Z: 0 objects, of them 0 new \\(0 bytes\\)\n$", backup.Output);
        Assert.Equal(0, (await Tool.Run(["restore", In("backup"), "--data", In("copy")])).ExitCode);
        Assert.Contains("ana", (await Tool.Run(["hub", "user", "list", "--data", In("copy")])).Output);
        var again = await Tool.Run(["restore", In("backup"), "--data", In("copy")]);
        Assert.Equal((1, "banyan: the hub there is not empty: restore into a new folder (--data) or a new database (--database)\n"), (again.ExitCode, again.Error));
    }

    [Fact]
    public async Task An_admin_is_named_and_is_one_no_longer()
    {
        async Task<string> List() => (await Tool.Run(["hub", "user", "list", "--data", In("hub")])).Output;
        Assert.Matches("^hf_[A-Za-z0-9]+\n$", (await Tool.Run(["hub", "user", "add", "ana", "--admin", "--data", In("hub")])).Output);
        Assert.Contains(", admin", await List());
        var unsaid = await Tool.Run(["hub", "user", "set", "ana", "--data", In("hub")]);
        Assert.Equal((1, "banyan: say what is to change: --admin true or --admin false\n"), (unsaid.ExitCode, unsaid.Error));
        Assert.Equal(0, (await Tool.Run(["hub", "user", "set", "ana", "--admin", "false", "--data", In("hub")])).ExitCode);
        Assert.DoesNotContain(", admin", await List());
    }

    [Theory]
    [InlineData("there is no hub in ", "fsck", "--data", "NOWHERE")]
    [InlineData("there is no hub in ", "backup", "BACKUP", "--data", "NOWHERE")]
    [InlineData("there is no folder ", "restore", "NOWHERE", "--data", "NEW")]
    [InlineData("--sample 0%: ", "fsck", "--sample", "0%", "--data", "NOWHERE")]
    [InlineData("--max-rate fast: ", "fsck", "--max-rate", "fast", "--data", "NOWHERE")]
    [InlineData("--grace 0: ", "hub", "gc", "--grace", "0", "--data", "NOWHERE")]
    public async Task A_mistake_is_one_line_and_changes_nothing(string message, params string[] arguments)
    {
        var (code, _, error) = await Tool.Run([.. arguments.Select(a => a.All(char.IsAsciiLetterUpper) ? In(a) : a)]);
        Assert.Equal(1, code);
        Assert.StartsWith("banyan: " + message, error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
