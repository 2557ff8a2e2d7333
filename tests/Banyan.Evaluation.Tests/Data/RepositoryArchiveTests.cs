using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Banyan.Evaluation.Data;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.Exercism;

namespace Banyan.Evaluation.Tests.Data;

/// <summary>Exercism's repository, as a service packs it: a small one made here, served on this machine.</summary>
public sealed class RepositoryArchiveTests : IDisposable
{
    const string Licence = "MIT";

    static readonly (string Path, string Text)[] s_files =
    [
        ("README.md", "not used"),
        ("LICENSE", Licence),
        ("exercises/practice/two-fer/TwoFer.cs",
            "public static class TwoFer { public static string Speak() => throw new System.NotImplementedException(); }"),
        ("exercises/practice/two-fer/TwoFer.csproj", "<Project />"),
        ("exercises/practice/two-fer/TwoFerTests.cs",
            "public class TwoFerTests { [Fact] public void Speaks() => Assert.Equal(\"One for you\", TwoFer.Speak()); }"),
        ("exercises/practice/two-fer/.meta/Example.cs", "public static class TwoFer { public static string Speak() => \"One for you\"; }"),
        ("exercises/practice/two-fer/.docs/instructions.md", "# Instructions\n\nSay one for you."),
        ("exercises/concept/other/Other.cs", "not used"),
    ];

    readonly string _folder = Directory.CreateTempSubdirectory("banyan-archive-").FullName;
    readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static byte[] Archive(IEnumerable<(string Path, string Text)> files, string root = "csharp-0123/")
    {
        using var bytes = new MemoryStream();
        using (var packed = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(packed, TarEntryFormat.Pax))
        {
            tar.WriteEntry(new PaxGlobalExtendedAttributesTarEntry(new Dictionary<string, string> { ["comment"] = "0123" }));
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink,
                root + "exercises/practice/two-fer/Link.cs")
            { LinkName = "/etc/passwd" });
            foreach (var (path, text) in files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile,
                    root + path)
                { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
        }
        return bytes.ToArray();
    }

    /// <summary>The source of these files: Exercism's, with the hash that they have.</summary>
    DataSource Source()
    {
        var folder = Path.Combine(_folder, "as-a-clone");
        foreach (var (path, text) in s_files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllText(Path.Combine(folder, path), text);
        }
        var (sha256, bytes) = FolderHash.Of(folder, Exercise.Uses);
        return DataSources.Find(DataSources.ExercismFolder)! with { Sha256 = sha256, Bytes = bytes };
    }

    [Fact]
    public async Task What_is_used_is_kept_and_is_the_task()
    {
        var source = Source();
        var order = s_files.Reverse().ToArray(); // another packing of the same commit
        using var server =
            new LoopbackServer(r => r.Path == "/exercism-csharp.tar.gz" ? new(200, Archive(order, "csharp-elsewhere/")) : new(404, ""));
        using var store = new DataStore(Path.Combine(_folder, "kept"), server.Address, (_, _) => Task.CompletedTask);
        var said = new List<string>();
        Assert.False(await store.HasAsync(source, _token));
        var folder = await store.FetchAsync(source, said.Add, _token);
        Assert.Equal(s_files.Where(f => !f.Text.StartsWith("not used", StringComparison.Ordinal)
            && !f.Path.EndsWith(".csproj", StringComparison.Ordinal)).Select(f => f.Path).Order(StringComparer.Ordinal),
            FolderHash.Paths(folder, _ => true));
        Assert.Contains("licence: MIT", Assert.Single(said));
        Assert.True(await store.HasAsync(source, _token));
        await store.FetchAsync(source, said.Add, _token);
        Assert.Single(server.Requests);

        var task = TaskTable.Find("exercism-cs");
        Assert.Equal(["two-fer"], task.Load(new(store.Folder)).Ids);
        Assert.Equal(source.Sha256, task.DataHash(new(store.Folder)));
        Assert.Equal(source.Sha256, task.DataHash(new(Path.Combine(_folder, "as-a-clone")))); // a clone, with all that is not used
        Assert.Equal([DataSources.ExercismFolder], task.Needs);

        // What was changed on the disk is fetched again.
        File.AppendAllText(Path.Combine(folder, "LICENSE"), "!");
        Assert.False(await store.HasAsync(source, _token));
        await store.FetchAsync(source, null, _token);
        Assert.Equal(Licence, File.ReadAllText(Path.Combine(folder, "LICENSE")));
    }

    [Fact]
    public async Task Other_data_and_hostile_archives_change_nothing()
    {
        var source = Source();
        async Task Refused(byte[] archive, string message, int status = 200)
        {
            using var server = new LoopbackServer(_ => new(status, archive));
            using var store = new DataStore(Path.Combine(_folder, "kept"), server.Address, (_, _) => Task.CompletedTask);
            Assert.Contains(message, (await Assert.ThrowsAsync<EvaluationException>(() => store.FetchAsync(source, null, _token))).Message);
            Assert.Empty(Directory.GetFileSystemEntries(store.Folder));
        }
        await Refused(Archive(s_files[..^2]), "not " + source.Sha256);
        await Refused(Archive([.. s_files, ("exercises/practice/more/More.cs", "int x;")]), "longer than it should be");
        await Refused(Archive([.. s_files[..^2], ("exercises/practice/../../../../escaped.cs", "")]), "not " + source.Sha256);
        await Refused(Archive(s_files)[..300], "exercism-csharp from");
        await Refused("no archive"u8.ToArray(), "no archive that can be read");
        await Refused([], "404", status: 404);
        Assert.False(File.Exists(Path.Combine(_folder, "escaped.cs")));

        using var nobody = new LoopbackServer(_ => new(null, []));
        using var offline = new DataStore(Path.Combine(_folder, "kept"), nobody.Address, (_, _) => Task.CompletedTask);
        Assert.Contains("--data DIR",
            (await Assert.ThrowsAsync<EvaluationException>(() => offline.FetchAsync(source, null, _token))).Message);
    }
}
