using System.Text.RegularExpressions;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>What the compiler does not say of the source's text.</summary>
public partial class Patterns
{
    static IEnumerable<string> Sources(params IEnumerable<string> folders) => Files("*.cs", folders);

    static IEnumerable<string> Files(string pattern, params IEnumerable<string> folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(SharedData.Repository, folder), pattern, SearchOption.AllDirectories))
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

    /// <summary>Text that people read may be longer, and what is drawn in comments.</summary>
    [Fact]
    public void A_line_of_code_has_at_most_140_columns()
    {
        const int Columns = 140;
        foreach (var file in Sources("src", "tests", "bench", "samples"))
        {
            var (inText, inDrawing, number) = (false, false, 0);
            foreach (var line in File.ReadLines(file))
            {
                var isText = inText || line.Contains('"', StringComparison.Ordinal);
                inText ^= line.Split("\"\"\"").Length % 2 == 0;
                var isComment = line.TrimStart().StartsWith("///", StringComparison.Ordinal);
                inDrawing = isComment && (inDrawing || line.Contains("<code>", StringComparison.Ordinal));
                number++;
                Assert.True(line.Length <= Columns || isText || inDrawing || line.Contains("// ::", StringComparison.Ordinal),
                    $"{file}, line {number} has {line.Length} columns: break it");
                inDrawing &= !line.Contains("</code>", StringComparison.Ordinal);
            }
        }
        foreach (var file in Files("*.razor", "src"))
            foreach (var (at, line) in File.ReadLines(file).Index())
                Assert.True(line.Length <= Columns, $"{file}, line {at + 1} has {line.Length} columns: break it");
    }

    /// <summary>
    /// Lines of code in a row that stand in two places, whatever the width of their vectors: the second is a method, a generic or a table.
    /// </summary>
    [Fact]
    public void A_passage_of_more_than_ten_lines_stands_once()
    {
        const int Most = 10;
        var seen = new Dictionary<int, (string File, int Line, IEnumerable<string> Lines)>();
        var again = new List<string>();
        foreach (var file in Sources("src", "tests", "bench", "samples"))
        {
            var lines = File.ReadLines(file).Index()
                .Select(l => (l.Index, Text: Width().Replace(Comment().Replace(l.Item, "").Trim(), "Vector")))
                .Where(l => l.Text.Any(char.IsLetterOrDigit) && !IsFrame(l.Text))
                .ToArray();
            for (var i = 0; i + Most < lines.Length; i++)
            {
                var passage = lines.Skip(i).Take(Most + 1).Select(l => l.Text);
                var hash = new HashCode();
                foreach (var line in passage)
                    hash.Add(line, StringComparer.Ordinal);
                if (!seen.TryAdd(hash.ToHashCode(), (file, lines[i].Index + 1, passage))
                    && seen[hash.ToHashCode()] is var first && first.Lines.SequenceEqual(passage))
                    again.Add($"{file}, line {lines[i].Index + 1}: as {first.File}, line {first.Line}");
            }
        }
        Assert.True(again.Count == 0, string.Join('\n', again));

        // Attributes and what stands above a namespace are not code that could be shared.
        static bool IsFrame(string line) => line[0] == '[' || line.StartsWith("using ", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"Vector(64|128|256|512)")]
    private static partial Regex Width();

    [GeneratedRegex(@"//.*\z")]
    private static partial Regex Comment();

    /// <summary>
    /// Folders whose public types have a shorter namespace, and those of instruction sets, whose names are classes of .NET.
    /// </summary>
    static readonly Dictionary<string, string> s_namespaces = new()
    {
        ["Banyan.Chunks.Chunking"] = "Banyan.Chunks",
        ["Banyan.Chunks.Hashing"] = "Banyan.Chunks",
        ["Banyan.Chunks.Shards"] = "Banyan.Chunks",
        ["Banyan.Chunks.Xorbs"] = "Banyan.Chunks",
        ["Banyan.Client.Cache"] = "Banyan.Client",
        ["Banyan.Client.Hub"] = "Banyan.Client",
        ["Banyan.Client.Pull"] = "Banyan.Client",
        ["Banyan.Client.Push"] = "Banyan.Client",
        ["Banyan.Client.Wire"] = "Banyan.Client",
        ["Banyan.Runtime.Kernels.Rungs.Arm64"] = "Banyan.Runtime.Kernels.Rungs",
        ["Banyan.Runtime.Kernels.Rungs.Avx2"] = "Banyan.Runtime.Kernels.Rungs",
        ["Banyan.Runtime.Kernels.Rungs.Avx512"] = "Banyan.Runtime.Kernels.Rungs",
        ["Banyan.Training.Results"] = "Banyan.Training",
        ["Banyan.Training.Vocabulary"] = "Banyan.Training",
        ["Problems"] = "Banyan",
        ["Signatures"] = "Banyan.Signatures",
    };

    [Fact]
    public void A_namespace_is_its_folder()
    {
        var source = Path.Combine(SharedData.Repository, "src");
        foreach (var file in Sources("src"))
        {
            var folder = Path.GetRelativePath(source, Path.GetDirectoryName(file)!).Replace(Path.DirectorySeparatorChar, '.');
            if (File.ReadLines(file).FirstOrDefault(l => l.StartsWith("namespace ", StringComparison.Ordinal)) is { } line
                && line["namespace ".Length..^1] is var name && name != folder)
                Assert.True(s_namespaces.GetValueOrDefault(folder) == name, $"{file}: `{name}` is not its folder, {folder}");
        }
    }

    /// <summary>Tests share as many threads as there are processors: two that block theirs until a third goes on wait for ever.</summary>
    [Fact]
    public void A_test_blocks_for_nothing_that_needs_its_thread()
    {
        foreach (var file in Sources("tests"))
            foreach (var line in File.ReadLines(file).Where(l => Blocking().IsMatch(l)))
                Assert.True(line.Contains("await ", StringComparison.Ordinal) || line.Contains("Task.Run(", StringComparison.Ordinal),
                    $"{file}: await in place of `{line.Trim()}`");
    }

    [GeneratedRegex(@"Async\(.*\)\.(Result\b|Wait\(|GetAwaiter\(\)\.GetResult)")]
    private static partial Regex Blocking();

    /// <summary>A pattern that ends in $ also matches before a line break at the end: names would get in with one.</summary>
    [Fact]
    public void A_pattern_ends_where_the_text_does()
    {
        var wrong = new List<string>();
        foreach (var file in Sources("src"))
            foreach (var line in File.ReadLines(file)
                .Where(l => Regexes().IsMatch(l) && !l.Contains("Multiline", StringComparison.Ordinal) && Dollar().IsMatch(l)))
                wrong.Add($"{Path.GetFileName(file)}: {line.Trim()}");
        Assert.True(wrong.Count == 0, "write \\z in place of $:\n" + string.Join("\n", wrong));
    }

    [GeneratedRegex(@"GeneratedRegex\(|new Regex\(|Regex\.(IsMatch|Match|Matches|Replace|Split)\(")]
    private static partial Regex Regexes();

    [GeneratedRegex("""(?<![\\\[_$(, ])\$(\||\)|"[,)])""")]
    private static partial Regex Dollar();
}
