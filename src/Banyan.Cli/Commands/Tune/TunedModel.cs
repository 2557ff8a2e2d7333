using Banyan.Cli.Hubs;
using Banyan.Runtime.Files;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The result of training: an adapter beside its base, or a whole model.</summary>
/// <param name="Path">A folder or a file.</param>
/// <param name="IsAdapter">Whether it needs its base.</param>
sealed record TunedModel(string Path, bool IsAdapter)
{
    /// <summary>By a path or a repo.</summary>
    public static async Task<TunedModel> FindAsync(string name, CancellationToken cancellationToken)
    {
        if (File.Exists(System.IO.Path.Combine(name, "adapter_config.json")))
            return new(name, IsAdapter: true);
        var path = await ModelPull.PathAsync(name, cancellationToken);
        using var file = ModelFile.Open(path);
        return new(path, file.Metadata.Get("general.type", "") == "adapter");
    }

    /// <summary>The output folder of its run.</summary>
    public string Folder => Directory.Exists(Path) ? Path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
}
