using System.Text.Json.Nodes;

namespace Banyan.Cli.Tests.Commands;

/// <summary><c>banyan key</c>: what it prints, keeps and refuses. What a server makes of the keys is tested there.</summary>
public sealed class KeyTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-key-");

    public void Dispose() => _folder.Delete(recursive: true);

    Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) =>
        Tool.Run(["key", .. arguments, "--data", _folder.FullName]);

    [Fact]
    public async Task A_key_is_shown_once_and_kept_as_its_hash()
    {
        var (code, key, error) = await RunAsync("add", "ci", "--requests-per-minute", "60", "--tokens-per-day",
            "2000000", "--concurrency", "4");
        Assert.True(code == 0, error);
        Assert.Matches("^sk-banyan-[0-9a-f]{64}$", key.Trim());
        var file = Path.Combine(_folder.FullName, "keys.json");
        Assert.DoesNotContain(key.Trim()["sk-banyan-".Length..], File.ReadAllText(file));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        (code, var list, _) = await RunAsync("list", "--json");
        var row = JsonNode.Parse(list)!.AsArray().Single()!;
        Assert.Equal((0, "ci", 60, 2_000_000, 4, 0),
            (code, (string)row["name"]!, (int)row["requestsPerMinute"]!, (int)row["tokensPerDay"]!,
                (int)row["concurrency"]!, (int)row["requests"]!));
        Assert.Equal((0, ""), await RunAsync("remove", "CI") is var removed ? (removed.ExitCode, removed.Output) : default);
        Assert.Contains("No key is left", removed.Error);
    }

    [Theory]
    [InlineData("add|two words", "'two words' is no name of a key")]
    [InlineData("add|ci|--requests-per-minute|0", "--requests-per-minute 0: at least 1")]
    [InlineData("remove|nobody", "there is no key 'nobody'")]
    public async Task What_is_wrong_is_told_and_changes_nothing(string arguments, string expected)
    {
        var (code, output, error) = await RunAsync(arguments.Split('|'));
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(expected, error);
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "keys.json")));
    }
}
