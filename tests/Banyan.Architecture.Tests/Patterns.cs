using System.Text.RegularExpressions;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>What the compiler does not say of the source's text.</summary>
public partial class Patterns
{
    static IEnumerable<string> Sources(params IEnumerable<string> folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(SharedData.Repository, folder), "*.cs", SearchOption.AllDirectories))
        .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    /// <summary>The analyzers of style would say so too, for a third of the time that the whole compilation takes.</summary>
    [Fact]
    public void A_namespace_is_the_whole_files_and_stands_below_what_it_uses()
    {
        foreach (var file in Sources("src", "tests", "bench", "samples"))
        {
            var inside = false;
            foreach (var line in File.ReadLines(file))
            {
                Assert.False(Block().IsMatch(line), $"{file}: write `namespace …;` in place of `{line}`");
                Assert.False(inside && Using().IsMatch(line), $"{file}: `{line}` belongs above the namespace");
                inside |= line.StartsWith("namespace ", StringComparison.Ordinal);
            }
        }
    }

    [GeneratedRegex(@"^namespace [\w.]+ *(\{|\z)")]
    private static partial Regex Block();

    [GeneratedRegex(@"^(global )?using [\w.]+;\z")]
    private static partial Regex Using();

    /// <summary>Tests share as many threads as there are processors: two that block theirs until a third goes on wait for ever.</summary>
    [Fact]
    public void A_test_blocks_for_nothing_that_needs_its_thread()
    {
        foreach (var file in Sources("tests"))
            foreach (var line in File.ReadLines(file).Where(l => Blocking().IsMatch(l)))
                Assert.True(line.Contains("await ", StringComparison.Ordinal) || line.Contains("Task.Run(", StringComparison.Ordinal), $"{file}: await in place of `{line.Trim()}`");
    }

    [GeneratedRegex(@"Async\(.*\)\.(Result\b|Wait\(|GetAwaiter\(\)\.GetResult)")]
    private static partial Regex Blocking();

    /// <summary>A pattern that ends in $ also matches before a line break at the end: names would get in with one.</summary>
    [Fact]
    public void A_pattern_ends_where_the_text_does()
    {
        var wrong = new List<string>();
        foreach (var file in Sources("src"))
            foreach (var line in File.ReadLines(file).Where(l => Regexes().IsMatch(l) && !l.Contains("Multiline", StringComparison.Ordinal) && Dollar().IsMatch(l)))
                wrong.Add($"{Path.GetFileName(file)}: {line.Trim()}");
        Assert.True(wrong.Count == 0, "write \\z in place of $:\n" + string.Join("\n", wrong));
    }

    [GeneratedRegex(@"GeneratedRegex\(|new Regex\(|Regex\.(IsMatch|Match|Matches|Replace|Split)\(")]
    private static partial Regex Regexes();

    [GeneratedRegex("""(?<![\\\[_$(, ])\$(\||\)|"[,)])""")]
    private static partial Regex Dollar();
}
