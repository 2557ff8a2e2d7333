using System.Text.Json;
using Banyan.Server.Hub;
using Dapper;

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
        Assert.Equal(
            (0, "would remove 0 git objects, 0 uploads never committed, 0 large files, 0 stored objects (0 bytes); 0 wait for the end of their grace time\n"), (collection.ExitCode, collection.Output));

        var backup = await Tool.Run(["backup", In("backup"), "--data", In("hub")]);
        Assert.Matches("^snapshot [0-9]{8}T[0-9]{6}Z: 0 objects, of them 0 new \\(0 bytes\\)\n$", backup.Output);
        Assert.Equal(0, (await Tool.Run(["restore", In("backup"), "--data", In("copy")])).ExitCode);
        Assert.Contains("ana", (await Tool.Run(["hub", "user", "list", "--data", In("copy")])).Output);
        var again = await Tool.Run(["restore", In("backup"), "--data", In("copy")]);
        Assert.Equal((1, "banyan: the hub there is not empty: restore into a new folder (--data) or a new database (--database)\n"),
            (again.ExitCode, again.Error));
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

    [Fact]
    public async Task A_leaver_is_suspended_and_what_they_own_moved_and_removed()
    {
        async Task<(int, string, string)> Hub(params string[] arguments) => await Tool.Run(["hub", .. arguments, "--data", In("hub")]);
        Assert.Equal($"A new hub begins in {In("hub")}.\n", (await Hub("user", "add", "ana")).Item3);
        Assert.Equal("", (await Hub("user", "add", "ben")).Item3);
        Assert.Equal(0, (await Hub("user", "suspend", "ben")).Item1);
        Assert.Contains(", suspended since ", (await Hub("user", "list")).Item2);
        Assert.Equal(0, (await Hub("user", "resume", "ben")).Item1);
        await using (var database = new HubOptions { DataFolder = In("hub") }.OpenDatabase())
            await database.WriteAsync(
                async t =>
                {
                    foreach (var name in new[] { "coder", "old" })
                        await t.Connection!.ExecuteAsync(
                            """
                            INSERT INTO repos (type, owner_id, name, name_key, private, disabled, default_branch, downloads, created_at, updated_at) SELECT 'model', id, @name, @name, true, false, 'main', 0, 0, 0 FROM accounts WHERE name = 'ben';
                            INSERT INTO repo_names (type, full_name_key, repo_id) SELECT 'model', 'ben/' || @name, MAX(id) FROM repos
                            """, new { name }, t);
                },
                default);
        Assert.Matches("^ben/coder +private +changed 1970-01-01\nben/old +private +changed 1970-01-01\n$",
            (await Hub("repo", "list", "ben")).Item2);
        Assert.StartsWith("banyan: 'ben' owns 2 repositories", (await Hub("user", "remove", "ben")).Item3);
        Assert.StartsWith("banyan: ben/old would be gone for good: say --yes", (await Hub("repo", "remove", "ben/old")).Item3);
        Assert.Equal(0, (await Hub("repo", "remove", "ben/old", "--yes")).Item1);
        Assert.Equal((0, "ben/coder is ana/coder now\n", ""), await Hub("user", "remove", "ben", "--move-repos-to", "ana"));
        Assert.Equal(0, (await Hub("repo", "move", "ana/coder", "ana/better")).Item1);
        Assert.StartsWith("banyan: there is no model 'ana/none'", (await Hub("repo", "move", "ana/none", "ana/x")).Item3);
        Assert.StartsWith("ana/better ", (await Hub("repo", "list")).Item2);

        Assert.Equal(0, (await Hub("quota", "default", "50GB")).Item1);
        Assert.Equal(0, (await Hub("quota", "floor", "1GB")).Item1);
        Assert.Equal(0, (await Hub("quota", "set", "ana", "2TB")).Item1);
        Assert.Equal("ana                         0 bytes of 2.00 TB, 1 of 10000 repositories\n1.00 GB of the disk stay free\n",
            (await Hub("quota", "list")).Item2);
        Assert.Equal(0, (await Hub("quota", "set", "ana", "default")).Item1);
        Assert.Contains("of 50.0 GB (default)", (await Hub("quota", "list")).Item2);
        Assert.Equal(0, (await Hub("quota", "floor", "none")).Item1);
        Assert.DoesNotContain("stay free", (await Hub("quota", "list")).Item2);
        Assert.Equal(0, (await Hub("quota", "floor", "default")).Item1);
        Assert.Contains("of the disk stay free", (await Hub("quota", "list")).Item2);
        Assert.Equal(0, (await Hub("quota", "repos", "200")).Item1);
        Assert.Contains("1 of 200 repositories", (await Hub("quota", "list")).Item2);
        Assert.Equal(0, (await Hub("quota", "repos", "5", "ana")).Item1);
        Assert.Contains("1 of 5 repositories", (await Hub("quota", "list")).Item2);
        Assert.StartsWith("banyan: COUNT few: a whole number", (await Hub("quota", "repos", "few")).Item3);
    }

    [Fact]
    public async Task What_other_accounts_of_the_machine_could_read_is_told()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("modes are Unix's");
            return;
        }
        Assert.Equal(0, (await Tool.Run(["hub", "user", "add", "ana", "--data", In("hub")])).ExitCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(In("hub")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(In("hub"), "hub.db")));
        File.SetUnixFileMode(In("hub"), (UnixFileMode)0b111_101_101);
        Assert.Equal(
            $"warning: other accounts of this machine may enter {In("hub")} (mode 755), which holds private repositories and keys: chmod -R go= {In("hub")}\n",
            (await Tool.Run(["hub", "user", "list", "--data", In("hub")])).Error);
        var password =
            await Tool.Run(["hub", "user", "list", "--data", In("hub"), "--database",
                "Host=127.0.0.1;Port=1;Timeout=1;Username=x;Password=secret"]);
        Assert.Equal(1, password.ExitCode);
        Assert.Contains("warning: every account of this machine can read the password in --database", password.Error);
        Assert.DoesNotContain("secret", password.Error);
        // All of it in a variable: nothing to read.
        var variable = await Tool.Run(["hub", "user", "list", "--data", In("none")],
            environment: new Dictionary<string, string> { ["BANYAN_DATABASE"] = Path.Combine(In("hub"), "hub.db") });
        Assert.Contains("ana", variable.Output);
        Assert.Contains("PGPASSWORD", (await Tool.Run(["up", "--help"])).Output);
    }

    [Theory]
    [InlineData("there is no hub in ", "hub", "user", "list", "--data", "NOWHERE")]
    [InlineData("there is no hub in ", "hub", "token", "add", "ana", "--data", "NOWHERE")]
    [InlineData("there is no hub in ", "hub", "repo", "list", "--data", "NOWHERE")]
    [InlineData("there is no hub in ", "hub", "quota", "default", "5GB", "--data", "NOWHERE")]
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
        Assert.False(Directory.Exists(In("NOWHERE")));
    }
}
