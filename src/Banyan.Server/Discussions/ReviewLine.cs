using Banyan.Server.Git;

namespace Banyan.Server.Discussions;

/// <summary>The line of a pull request's difference that a comment is about. It stays what it was when the pull request changes.</summary>
/// <param name="Commit">The pull request's commit that was looked at.</param>
/// <param name="Path">The file.</param>
/// <param name="Number">The line, counted from 1: as it is, or of a removed line as it was.</param>
/// <param name="IsRemoved">Whether it is a line that the pull request removes.</param>
/// <param name="Text">What it says, as much as is kept.</param>
public sealed record ReviewLine(string Commit, string Path, int Number, bool IsRemoved, string Text)
{
    const int MaxText = 200;

    /// <summary>The line that is asked for, in a difference; null where it has no such line.</summary>
    internal static ReviewLine? Find(PullChanges changes, DiffView diff, string path, int number, bool isRemoved) =>
        diff.Files.FirstOrDefault(f => f.Path == path)?.Numbered.FirstOrDefault(l => l.IsAt(number, isRemoved)) is { } line
            ? new(changes.Head.ToString(), path, number, isRemoved, Kept(line)) : null;

    /// <summary>Whether a line of a difference is still this one.</summary>
    internal bool Is(DiffLine line) => line.IsAt(Number, IsRemoved) && Kept(line) == Text;

    /// <summary>Whether a difference has no such line any more.</summary>
    internal bool IsOutdated(DiffView? diff) => diff?.Files.FirstOrDefault(f => f.Path == Path)?.Numbered.Any(Is) != true;

    static string Kept(DiffLine line) => line.Text.Length > MaxText + 1 ? line.Text[1..(MaxText + 1)] : line.Text[1..];
}

/// <summary>What a pull request changes.</summary>
/// <param name="Diff">As <c>git diff</c> tells it.</param>
/// <param name="Before">Root of the tree it grew from, or null.</param>
/// <param name="After">Root of its tree.</param>
/// <param name="Head">Its last commit.</param>
sealed record PullChanges(string Diff, GitId? Before, GitId After, GitId Head);
