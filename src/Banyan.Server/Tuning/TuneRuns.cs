using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Server.Tuning;

/// <summary>A run of <c>banyan tune</c> that has a page.</summary>
/// <param name="Name">Its folder's name.</param>
/// <param name="Title">The page's title.</param>
/// <param name="Changed">When it was last written.</param>
public sealed record TuneRunEntry(string Name, string Title, DateTimeOffset Changed);

/// <summary>The runs in a folder: each of its folders in which <c>banyan tune</c> has written a page. Links are not followed.</summary>
/// <param name="folder">The folder.</param>
public sealed partial class TuneRuns(string folder)
{
    /// <summary>Where a run's page is, in its folder.</summary>
    public static readonly string PagePath = Path.Combine("training", "run.html");

    const int Most = 200, TitleBytes = 4096;
    const long LargestPage = 8 << 20;

    /// <summary>The runs, the one that changed last first.</summary>
    public IReadOnlyList<TuneRunEntry> List() =>
        [.. Pages().OrderByDescending(p => p.LastWriteTimeUtc).Take(Most)
            .Select(p => new TuneRunEntry(NameOf(p), Title(p), p.LastWriteTimeUtc))];

    /// <summary>The page of a run, or null if there is none. The name is only compared, never used as a path.</summary>
    public FileInfo? Find(string name) => Pages().FirstOrDefault(p => NameOf(p) == name);

    static string NameOf(FileInfo page) => page.Directory!.Parent!.Name;

    IEnumerable<FileInfo> Pages()
    {
        var options = new EnumerationOptions
        {
            AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden,
            IgnoreInaccessible = true
        };
        return !Directory.Exists(folder) ? [] : Directory.EnumerateDirectories(folder, "*", options)
            .Select(run => new FileInfo(Path.Combine(run, PagePath)))
            .Where(p => p.Exists && p.LinkTarget is null && p.Directory!.LinkTarget is null && p.Length <= LargestPage);
    }

    static string Title(FileInfo page)
    {
        using var stream = page.OpenRead();
        var bytes = new byte[TitleBytes];
        var text = Encoding.UTF8.GetString(bytes, 0, stream.ReadAtLeast(bytes, TitleBytes, throwOnEndOfStream: false));
        return TitleElement().Match(text) is { Success: true } match ? WebUtility.HtmlDecode(match.Groups[1].Value) : NameOf(page);
    }

    [GeneratedRegex("<title>([^<]{1,400})</title>", RegexOptions.CultureInvariant)]
    private static partial Regex TitleElement();
}
