using System.Text;
using Banyan.Server.Discussions;

namespace Banyan.Server.Tests.Hub;

/// <summary>A difference, applied to one side, gives the other, and is the shortest there is.</summary>
public sealed class LineDiffTests
{
    [Fact]
    public void It_leads_from_one_side_to_the_other()
    {
        var random = new Random(1);
        for (var round = 0; round < 400; round++)
        {
            var before = Enumerable.Range(0, random.Next(0, 40)).Select(_ => $"{random.Next(6)}\n").ToArray();
            var after = round % 2 == 0 ? Enumerable.Range(0, random.Next(0, 40)).Select(_ => $"{random.Next(6)}\n").ToArray()
                : [.. before.Where(_ => random.Next(8) > 0)];
            var text = new StringBuilder();
            var steps = long.MaxValue;
            LineDiff.Write(text, before, after, ref steps);
            var (applied, edits) = Apply(before, text.ToString());
            Assert.Equal(after, applied);
            Assert.Equal(before.Length + after.Length - 2 * Common(before, after), edits);
        }
    }

    [Fact]
    public void Files_that_share_nothing_are_told_whole()
    {
        var (before, after) = (Enumerable.Range(0, 3000).Select(i => $"a{i}\n").ToArray(),
            Enumerable.Range(0, 3000).Select(i => $"b{i}\n").ToArray());
        var text = new StringBuilder();
        var steps = long.MaxValue;
        LineDiff.Write(text, before, after, ref steps);
        Assert.Equal(after, Apply(before, text.ToString()).After);
    }

    static (string[] After, int Edits) Apply(string[] before, string diff)
    {
        var (after, at, edits) = (new List<string>(), 0, 0);
        foreach (var line in diff.Split('\n')[..^1])
        {
            if (line.StartsWith("@@", StringComparison.Ordinal))
            {
                var old = line.Split(' ')[1][1..].Split(',');
                var start = int.Parse(old[0], System.Globalization.CultureInfo.InvariantCulture) - (old is [_, "0"] ? 0 : 1);
                after.AddRange(before[at..start]);
                at = start;
                continue;
            }
            edits += line[0] == ' ' ? 0 : 1;
            if (line[0] != '+')
                Assert.Equal(line[1..] + "\n", before[at++]);
            if (line[0] != '-')
                after.Add(line[1..] + "\n");
        }
        return ([.. after, .. before[at..]], edits);
    }

    static int Common(string[] a, string[] b)
    {
        var longest = new int[a.Length + 1, b.Length + 1];
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
                longest[i, j] = a[i - 1] == b[j - 1] ? longest[i - 1, j - 1] + 1 : Math.Max(longest[i - 1, j], longest[i, j - 1]);
        return longest[a.Length, b.Length];
    }
}
