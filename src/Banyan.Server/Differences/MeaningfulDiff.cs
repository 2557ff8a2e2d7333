using System.Diagnostics;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Git;

namespace Banyan.Server.Differences;

/// <summary>
/// The difference of two revisions for people: lines of text, tensors of weights, keys of JSON. Two at a time, since weights cost time and
/// memory.
/// </summary>
sealed class MeaningfulDiff(RepoTree tree, TensorDiff tensors, HeaderWindow window)
{
    /// <summary>How long values are compared for one page.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    const int MaxFiles = 12;

    readonly SemaphoreSlim _two = new(2);

    /// <summary>Adds to each file that has a meaning what changed in it.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="diff">The line difference, as <c>git diff</c> writes it.</param>
    /// <param name="before">Root of the tree before, or null.</param>
    /// <param name="after">Root of the tree after.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<DiffView> ReadAsync(long repo, string diff, GitId? before, GitId after, CancellationToken cancellationToken)
    {
        var view = DiffView.Read(diff);
        if (!view.Files.Any(f => HasMeaning(f.Path)))
            return view;
        await _two.WaitAsync(cancellationToken);
        try
        {
            var (budget, files, left) = (Stopwatch.StartNew(), new List<DiffView.File>(), MaxFiles);
            foreach (var file in view.Files)
                files.Add(left > 0 && budget.Elapsed < Patience
                    && await OfAsync(repo, file.Path, before, after, budget, cancellationToken) is { } meaning && left-- > 0
                    ? file with { Meaning = meaning } : file);
            return view with { Files = files };
        }
        finally
        {
            _two.Release();
        }
    }

    async Task<Meaning?> OfAsync(long repo, string path, GitId? before, GitId after, Stopwatch budget, CancellationToken cancellationToken)
    {
        if (!HasMeaning(path))
            return null;
        var isJson = !TensorHeaders.Reads(path);
        var old = before is { } root ? await tree.FindAsync(repo, root, path, cancellationToken) : null;
        var now = await tree.FindAsync(repo, after, path, cancellationToken);
        // Added or removed as a whole, JSON is read as its lines.
        if (!isJson)
            return await tensors.OfAsync(repo, old, now, budget, cancellationToken);
        return old is not { IsFolder: false, Size: <= JsonDiff.MaxBytes }
            || now is not { IsFolder: false, Size: <= JsonDiff.MaxBytes } ? null
            : JsonDiff.Of(await window.ReadAsync(repo, old, JsonDiff.MaxBytes, cancellationToken),
                await window.ReadAsync(repo, now, JsonDiff.MaxBytes, cancellationToken));
    }

    static bool HasMeaning(string path) => path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || TensorHeaders.Reads(path);
}
