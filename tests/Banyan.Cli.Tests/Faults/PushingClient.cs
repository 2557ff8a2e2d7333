namespace Banyan.Cli.Tests.Faults;

/// <summary>Brings changes to a hub with <c>banyan push</c>, from a machine of its own.</summary>
sealed class PushingClient(IReadOnlyDictionary<string, string> environment, string folder, string repo)
{
    /// <summary>Pushes; killed after a time, if one is given and it is not done by then.</summary>
    public async Task<(bool Done, string Problem)> PushAsync(LedgerChange change, TimeSpan? killedAfter)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        foreach (var (path, file) in change.Files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            await File.WriteAllBytesAsync(Path.Combine(folder, path), file!.Bytes());
        }
        using var push = new ToolProcess(["push", folder, repo, "--message", change.Summary, "--json"], environment);
        if (killedAfter is { } after)
            await push.KillAsync(after);
        var (code, output, errors) = await push.EndAsync();
        return (code == 0, output + errors);
    }
}
