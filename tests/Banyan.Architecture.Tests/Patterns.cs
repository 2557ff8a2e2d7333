using System.Text.RegularExpressions;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>A pattern that ends in $ also matches before a line break at the end: names would get in with one.</summary>
public partial class Patterns
{
    [Fact]
    public void A_pattern_ends_where_the_text_does()
    {
        var wrong = new List<string>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "src"), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")))
            foreach (var line in File.ReadLines(file).Where(l => Regexes().IsMatch(l) && !l.Contains("Multiline", StringComparison.Ordinal) && Dollar().IsMatch(l)))
                wrong.Add($"{Path.GetFileName(file)}: {line.Trim()}");
        Assert.True(wrong.Count == 0, "write \\z in place of $:\n" + string.Join("\n", wrong));
    }

    [GeneratedRegex(@"GeneratedRegex\(|new Regex\(|Regex\.(IsMatch|Match|Matches|Replace|Split)\(")]
    private static partial Regex Regexes();

    [GeneratedRegex("""(?<![\\\[_$(, ])\$(\||\)|"[,)])""")]
    private static partial Regex Dollar();
}
