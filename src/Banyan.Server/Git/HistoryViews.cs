using System.Globalization;
using System.Text.RegularExpressions;
using Banyan.Server.Differences;
using Banyan.Server.Files;
using Banyan.Server.Repos;

namespace Banyan.Server.Git;

/// <summary>The history of a revision.</summary>
public sealed record HistoryView(RepoHeadView Head, IReadOnlyList<CommitLine> Commits, int Count, int Page, int PageLength);

/// <summary>A commit with what it changed.</summary>
public sealed record CommitView(RepoHeadView Head, CommitLine Commit, string Message, IReadOnlyList<string> Parents, DiffView Diff);

/// <summary>A difference for people: files with their lines.</summary>
/// <param name="Files">Each file.</param>
/// <param name="IsCut">Whether there is more.</param>
public sealed record DiffView(IReadOnlyList<DiffView.File> Files, bool IsCut)
{
    const int MaxLines = 4000, MaxLine = 1000;

    /// <summary>A file.</summary>
    /// <param name="Path">Its path.</param>
    /// <param name="What">added, removed or changed.</param>
    /// <param name="Lines">Lines, each with its first character: ' ', '+', '-', '@'.</param>
    public sealed record File(string Path, string What, IReadOnlyList<string> Lines)
    {
        /// <summary>What the change means, for weights and JSON; null otherwise.</summary>
        public Meaning? Meaning { get; init; }

        /// <summary>The lines with their numbers.</summary>
        internal IEnumerable<DiffLine> Numbered
        {
            get
            {
                var (old, now) = (0, 0);
                foreach (var line in Lines)
                {
                    if (line[0] == '@' && DiffLine.Range().Match(line) is { Success: true } range)
                        (old, now) = (int.Parse(range.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                            int.Parse(range.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
                    yield return new(line, line[0] is '-' or ' ' ? old++ : 0, line[0] is '+' or ' ' ? now++ : 0);
                }
            }
        }

        public int Added => Lines.Count(l => l[0] == '+');

        public int Removed => Lines.Count(l => l[0] == '-');
    }

    /// <summary>Reads what <c>git diff</c> writes.</summary>
    internal static DiffView Read(string diff)
    {
        var (files, path, what, lines, count, cut) = (new List<File>(), "", "", new List<string>(), 0, false);
        void End()
        {
            if (path.Length > 0)
                files.Add(new File(path, what, lines));
            lines = [];
        }
        var inHunk = false;
        foreach (var line in diff.Split('\n'))
        {
            if (line.StartsWith("diff --git a/", StringComparison.Ordinal))
            {
                End();
                // Both names are the same: the second half of the line.
                (path, what, inHunk) = (line[(line.Length - (line.Length - 13 - 3) / 2)..], "changed", false);
            }
            else if (!inHunk && line.StartsWith("new file", StringComparison.Ordinal))
                what = "added";
            else if (!inHunk && line.StartsWith("deleted file", StringComparison.Ordinal))
                what = "removed";
            else if (!inHunk && line.StartsWith("Binary files", StringComparison.Ordinal))
                lines.Add("@ not text");
            else if (line.StartsWith("# The difference is longer", StringComparison.Ordinal))
                cut = true;
            else if (line.StartsWith("@@", StringComparison.Ordinal) || (inHunk && line.Length > 0))
            {
                inHunk = true;
                if (++count <= MaxLines)
                    lines.Add(line.Length > MaxLine ? line[..MaxLine] + "…" : line);
                else
                    cut = true;
            }
        }
        End();
        return new(files, cut);
    }
}

/// <summary>A line of a difference.</summary>
/// <param name="Text">The line with its first character.</param>
/// <param name="Old">Its number as it was; 0 for one that is added, and for what is no line of the file.</param>
/// <param name="New">Its number as it is; 0 for one that is removed, and for what is no line of the file.</param>
sealed partial record DiffLine(string Text, int Old, int New)
{
    /// <summary>Whether it has this number: of what is removed as it was, else as it is.</summary>
    public bool IsAt(int number, bool isRemoved) => number > 0 && (isRemoved ? New == 0 && Old == number : New == number);

    [GeneratedRegex(@"^@@ -(\d{1,9})(?:,\d+)? \+(\d{1,9})")]
    internal static partial Regex Range();
}
