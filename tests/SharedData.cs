namespace Banyan.Tests;

/// <summary>
/// Test data kept beside the repository (models, tokenizers, templates, recorded answers). A developer's clone may have none:
/// the test is then skipped with a reason; in CI (<c>CI=true</c>) it fails.
/// </summary>
static class SharedData
{
    /// <summary>The repository's root: the folder that holds Banyan.slnx.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Path of a file or folder of the shared data, e.g. <c>SharedData.Path("models", "stories260K.gguf")</c>.</summary>
    public static string Path(params string[] parts)
    {
        var path = System.IO.Path.Combine([Repository, "..", "shared", .. parts]);
        if (!File.Exists(path) && !Directory.Exists(path))
            Missing($"no test data at {path}");
        return System.IO.Path.GetFullPath(path);
    }

    /// <summary>Skips the running test with a reason, or fails it in CI.</summary>
    public static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail($"{reason} (needed in CI)");
        Assert.Skip(reason);
    }

    static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Banyan.slnx")))
                return folder.FullName;
        throw new InvalidOperationException($"Banyan.slnx not found above {AppContext.BaseDirectory}");
    }
}
