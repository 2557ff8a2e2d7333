using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;

namespace Banyan.Server.Cards;

/// <summary>A model's chat template differs from that of the model which it was made from.</summary>
/// <param name="Base">The base model.</param>
/// <param name="Diff">The lines that differ, from the base to the model.</param>
public sealed record TemplateChange(string Base, DiffView Diff);

/// <summary>Compares a model's chat template with its base's: it is a program that every conversation with the model goes through, and can
/// add text to it.</summary>
sealed class TemplateChanges(Authoriser authoriser, RepoStore repos, Refs refs, Revisions revisions, RepoFacts facts, RepoTree tree)
{
    const int MaxBases = 3, MaxCharacters = 200_000, MaxSteps = 2_000_000;

    readonly GenerationCache<(long, GitId), string> _sources = new(8 << 20);

    /// <summary>The difference to the first base that is here, has a template, and may be read; null where they are the same.</summary>
    public async Task<TemplateChange?> OfAsync(Caller caller, Repo repo, Revision revision, IEnumerable<string> bases,
        CancellationToken cancellationToken)
    {
        if (repo.Type != RepoType.Model || await SourceAsync(repo, revision, cancellationToken) is not { Length: > 0 } own)
            return null;
        foreach (var name in bases.Take(MaxBases))
            if (await repos.FindAsync(RepoType.Model, name, cancellationToken) is { } source && source.Id != repo.Id
                && await authoriser.MayAsync(caller, source, Need.Read, cancellationToken)
                && await refs.FindAsync(source.Id, GitRef.Heads + source.DefaultBranch, cancellationToken) is { } head
                && await revisions.PeelAsync(source, head, cancellationToken) is { } of
                && await SourceAsync(source, of, cancellationToken) is { Length: > 0 } before)
                return before == own ? null : new(source.FullName, Compare(before, own));
        return null;
    }

    /// <summary>The template as it is written, less blanks at its end; empty for none.</summary>
    async Task<string> SourceAsync(Repo repo, Revision revision, CancellationToken cancellationToken)
    {
        var root = revision.Commit.Tree;
        if (_sources.TryGet((repo.Id, root), out var known))
            return known;
        var source = await tree.SmallFileAsync(repo.Id, root, "chat_template.jinja", cancellationToken) is { } jinja
            ? Encoding.UTF8.GetString(jinja)
            : (string?)(await facts.OfAsync(repo, revision, cancellationToken)).Gguf?["chat_template"]
                ?? TemplateExample.Read(await tree.SmallFileAsync(repo.Id, root, "tokenizer_config.json", cancellationToken)).Source ?? "";
        source = (source.Length > MaxCharacters ? source[..MaxCharacters] : source).ReplaceLineEndings("\n").TrimEnd();
        _sources.Add((repo.Id, root), source, 200 + 2 * source.Length);
        return source;
    }

    static DiffView Compare(string before, string after)
    {
        static string[] Lines(string text) => [.. text.Split('\n').Select(l => l + "\n")];
        var (text, steps) = (new StringBuilder("diff --git a/chat_template.jinja b/chat_template.jinja\n"), (long)MaxSteps);
        LineDiff.Write(text, Lines(before), Lines(after), ref steps);
        return DiffView.Read(text.ToString());
    }
}
