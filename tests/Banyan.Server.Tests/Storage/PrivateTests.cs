using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Storage;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Storage;

/// <summary>Nobody else on the machine reads what a hub and its backups keep.</summary>
public sealed class PrivateTests
{
    const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead
        | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    [Fact]
    public async Task Folders_and_files_of_a_hub_and_of_its_backups_are_its_account_s_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("modes are Unix's");
            return;
        }
        var folder = Directory.CreateTempSubdirectory("banyan-private-").FullName;
        try
        {
            var (data, backup) = (Path.Combine(folder, "hub"), Path.Combine(folder, "backup"));
            await using (var hub = await HubServer.StartAsync(folder: data))
            {
                var repo = await hub.CreateRepoAsync("x");
                await hub.UploadAsync(repo, new byte[300_000]);
                var options = new HubOptions { DataFolder = data };
                await using var database = options.OpenDatabase();
                await new Backup(database, options.OpenObjects(), TimeProvider.System).RunAsync(backup, null, default);
                foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories))
                    Assert.True((File.GetUnixFileMode(path) & Others) == 0, $"{path}: {File.GetUnixFileMode(path)}");
                Assert.Contains(Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories),
                    f => f.EndsWith("hub.db-wal", StringComparison.Ordinal));
                Assert.Contains(Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories),
                    f => f.Contains("xorbs", StringComparison.Ordinal));
            }
            Assert.Null(Private.Warning(data));
            File.SetUnixFileMode(data, (UnixFileMode)0b111_101_000);
            Assert.Equal(
                $"other accounts of this machine may enter {data} (mode 750), which holds private repositories and keys: chmod -R go= {data}", Private.Warning(data));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
