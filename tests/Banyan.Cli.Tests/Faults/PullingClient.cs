using System.Text.Json;

namespace Banyan.Cli.Tests.Faults;

/// <summary>Follows a repository with <c>banyan pull</c>, into a folder that it pulls into again and again.</summary>
sealed class PullingClient(IReadOnlyDictionary<string, string> environment, string folder, string repo)
{
    /// <summary>What was last pulled whole.</summary>
    readonly Dictionary<string, string> _pulled = [];

    /// <summary>Pulls; killed after a time, if one is given and it is not done by then.</summary>
    public async Task<(bool Done, string Problem)> PullAsync(bool chunks, TimeSpan? killedAfter)
    {
        using var pull =
            new ToolProcess(["pull", repo, "--to", folder, "--json", .. chunks ? Array.Empty<string>() : ["--no-chunks"]], environment);
        if (killedAfter is { } after)
            await pull.KillAsync(after);
        var (code, output, errors) = await pull.EndAsync();
        if (code == 0)
            Assert.True(JsonDocument.Parse(output).RootElement.GetProperty("complete").GetBoolean(), output);
        return (code == 0, output + errors);
    }

    /// <summary>Whatever a pull that was cut off has made visible is a whole file: of this pull or of the one before.</summary>
    public void CheckVisible(Ledger ledger, string when)
    {
        foreach (var (path, file) in ledger.Files)
            if (new FileInfo(Path.Combine(folder, path)) is { Exists: true } there)
            {
                var id = file.IdOf(File.ReadAllBytes(there.FullName));
                Assert.True(id == file.Id || id == _pulled.GetValueOrDefault(path),
                    $"{when}: {path} is visible after a pull and is not whole");
            }
    }

    /// <summary>Every file is there as it was acknowledged.</summary>
    /// <returns>Their bytes.</returns>
    public long CheckAll(Ledger ledger, string when)
    {
        var bytes = 0L;
        foreach (var (path, file) in ledger.Files)
        {
            var there = File.ReadAllBytes(Path.Combine(folder, path));
            Assert.True(file.Bytes().AsSpan().SequenceEqual(there), $"{when}: {path} was pulled and is not what was acknowledged");
            _pulled[path] = file.Id;
            bytes += there.Length;
        }
        return bytes;
    }
}
