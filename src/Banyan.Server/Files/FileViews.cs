using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Reports;
using Banyan.Server.Repos;
using Banyan.Server.Viewer;

namespace Banyan.Server.Files;

/// <summary>A commit, in one line.</summary>
public sealed record CommitLine(string Id, string Title, string Author, long At)
{
    internal static CommitLine Of(Git.Revision revision) =>
        new(revision.Id.ToString(), Cut(revision.Commit.Title), revision.Commit.Author.Name, revision.Commit.Committer.UnixSeconds * 1000);

    static string Cut(string title) => title.Length <= 200 ? title : title[..200] + "…";
}

/// <summary>A folder.</summary>
/// <param name="Head">The repository.</param>
/// <param name="Path">The folder's path, empty for the root.</param>
/// <param name="Latest">The revision's commit.</param>
/// <param name="Rows">Its entries, folders first.</param>
/// <param name="Count">How many there are in all.</param>
/// <param name="Start">Which the first of them is.</param>
/// <param name="Branches">Branches and tags to choose from.</param>
/// <param name="MayUpload">Whether the visitor may put files here.</param>
public sealed record TreeView(RepoHeadView Head, string Path, CommitLine Latest, IReadOnlyList<TreeRow> Rows, int Count, int Start,
    IReadOnlyList<string> Branches, bool MayUpload);

/// <summary>A file or folder, and the commit that touched it last.</summary>
public sealed record TreeRow(string Path, bool IsFolder, bool IsLarge, long Size, CommitLine? Last)
{
    /// <summary>The name in its folder.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];
}

/// <summary>A file, and the parts of it that can be shown.</summary>
public sealed record BlobView
{
    public required RepoHeadView Head { get; init; }

    public required string Path { get; init; }

    public required long Size { get; init; }

    /// <summary>SHA-256 of a large file, git's id of another.</summary>
    public required string Hash { get; init; }

    public bool IsLarge { get; init; }

    public required CommitLine Latest { get; init; }

    /// <summary>Lines of text, as many as are shown.</summary>
    public IReadOnlyList<string>? Lines { get; init; }

    /// <summary>The first rows of a table.</summary>
    public RowsView? Table { get; init; }

    /// <summary>Whether more follows.</summary>
    public bool IsCut { get; init; }

    /// <summary>Rendered Markdown, sanitized.</summary>
    public string? Html { get; init; }

    /// <summary>The header of a weights file.</summary>
    public TensorTable? Tensors { get; init; }

    /// <summary>The selected tensor, or null.</summary>
    public TensorSample? Sample { get; init; }

    /// <summary>For a pickle, what it would call when Python loads it.</summary>
    public PickleCalls? Pickle { get; init; }

    /// <summary>The chat template in it with an example, or null.</summary>
    public TemplateExample? Template { get; init; }

    /// <summary>The evaluation report that it is, or null.</summary>
    public SignedReport? Report { get; init; }

    /// <summary>image, audio or video, or null.</summary>
    public string? Medium { get; init; }

    /// <summary>Why nothing is shown, or null.</summary>
    public ErrorText? Note { get; init; }

    /// <summary>Address of the bytes.</summary>
    public string Resolve => $"/{Head.Repo.Path}/resolve/{Head.RevisionPath}/{Pages.Show.Escape(Path)}";
}
