using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Discovery;
using Banyan.Server.Files;
using Banyan.Server.Following;
using Banyan.Server.Gating;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Likes;
using Banyan.Server.Listing;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Reports;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Cards;

/// <summary><c>/{ns}/{name}</c>: a repository's first page, made from its card, its files and the headers of its weights.</summary>
sealed class CardPages(Authoriser authoriser, RepoStore repos, Refs refs, Revisions revisions, RepoFacts facts, HeaderWindow window,
    CardHtml cards, ListSearch search, LikeEndpoints likes, AccessRequestStore requests, AccountStore accounts, FollowStore follows,
    Downloads downloads, RepoReports reports, TemplateChanges templates, HubAddress address)
{
    const int MaxNamed = 12, MaxGgufs = 30, Days = 30;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (caller, cancellationToken) = (await authoriser.CallerAsync(context), context.RequestAborted);
        var mayRead = await authoriser.MayAsync(caller, repo, Need.Read, cancellationToken);
        var revision = await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } head
            ? await revisions.PeelAsync(repo, head, cancellationToken) : null;
        var known = revision is null ? new Facts() : await facts.OfAsync(repo, revision, cancellationToken);
        var files = revision is null ? [] : await facts.FilesAsync(repo, revision.Commit.Tree, cancellationToken);
        var html = mayRead && revision is not null ? await HtmlAsync(repo, files, cancellationToken) : null;
        var mayWrite = !caller.IsAnonymous && await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken);
        var gate = mayRead || repo.Gated is null ? null : GateForm.Of(known.Card);
        var view = new CardView
        {
            Gate = gate,
            GatePrompt = gate?.Prompt is { } prompt ? await cards.CommentAsync(repo, prompt, cancellationToken) : null,
            Head = new(repo, "card", repo.DefaultBranch),
            PageHead = new(),
            MayRead = mayRead,
            MayWrite = mayWrite,
            IsLiked = !caller.IsAnonymous && await likes.IsLikedAsync(caller.UserId, repo, cancellationToken),
            Watch = caller.IsAnonymous ? default : await follows.OfAsync(caller.UserId, repo, cancellationToken),
            Standing = mayRead || caller.IsAnonymous ? null : await requests.StatusAsync(repo.Id, caller.UserId, cancellationToken),
            HasCommits = revision is not null,
            Downloads = await downloads.DaysAsync(repo.Id, Days, cancellationToken),
            Html = html,
            Problem = known.CardProblem,
            Results = new(mayRead ? await reports.OfAsync(repo.Id, files, cancellationToken) : [], RepoReports.Claims(known.Card)),
            Task = repo.Type == RepoType.Model ? known.PipelineTag : null,
            Tasks = repo.Type == RepoType.Dataset ? Texts(known.Card, "task_categories") : [],
            Library = known.Library,
            Parameters = Number(known.Safetensors, "total") ?? Number(known.Gguf, "total"),
            Types = known.Safetensors?["parameters"] is JsonObject types
                ? [.. types.Select(t => (t.Key, t.Value!.GetValue<long>())).OrderByDescending(t => t.Item2)] : [],
            Architecture = Text(known.Gguf, "architecture") ?? Text(known.Config, "model_type"),
            TemplatePath = !mayRead ? null : files.FirstOrDefault(f => f.Path == "chat_template.jinja")?.Path
                ?? (known.Gguf?["chat_template"] is not null
                    ? files.FirstOrDefault(f => f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))?.Path : null)
                ?? files.FirstOrDefault(f => f.Path == "tokenizer_config.json")?.Path,
            TemplateChange = !mayRead || revision is null ? null
                : await templates.OfAsync(caller, repo, revision, Texts(known.Card, "base_model"), cancellationToken),
            Choices = known.Choices,
            Machine = Machine.Of(context.Request),
            ContextLength = Number(known.Gguf, "context_length"),
            SafetensorsBytes = files.Where(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal))
                .Sum(f => f.Size) is > 0 and var bytes ? bytes : null,
            Ggufs = [.. files.Where(f => !f.IsFolder && f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)).Take(MaxGgufs)
                .Select(f => (f.Path, f.Size))],
            Languages = Texts(known.Card, "language"),
            Licences = [.. Texts(known.Card, "license").Select(l => (l, Licences.Of(l)))],
            Tags = [.. Texts(known.Card, "tags").Take(30)],
            Bases = await HereAsync(caller, RepoType.Model, Texts(known.Card, "base_model"), cancellationToken),
            Relation = Text(known.Card, "base_model_relation"),
            Datasets = await HereAsync(caller, RepoType.Dataset, Texts(known.Card, "datasets"), cancellationToken),
            Derived = repo.Type == RepoType.Model ? await DerivedAsync(caller, repo, cancellationToken) : [],
        };
        var language = PageLanguage.Of(context.Request);
        var description = (html is null ? null : CardSummary.Of(html))
            ?? language.Say("card.description", ("name", repo.FullName),
                ("task", known.PipelineTag is { } task ? language.Task(task) : language[$"repo.{repo.Type.Text()}"]));
        await HtmlPage.RenderAsync<CardPage>(context, view with
        {
            PageHead = new()
            {
                Description = description,
                Canonical = $"/{repo.Path}",
                Feeds = mayRead ? view.Head.Feeds : [],
                Data = StructuredData.Of(view, description,
                    await accounts.FindAsync(repo.OwnerId, cancellationToken), address.Root(context)),
            },
        });
    }

    async Task<string?> HtmlAsync(Repo repo, IReadOnlyList<RepoEntry> files, CancellationToken cancellationToken) =>
        files.FirstOrDefault(f => f.Path == "README.md" && !f.IsFolder) is { } file
        && await window.ReadAsync(repo.Id, file, CardHeader.MaxLength + CardHtml.MaxLength, cancellationToken) is { } bytes
            ? await cards.RenderAsync(repo, file.Id, repo.DefaultBranch, "", bytes, cancellationToken) : null;

    /// <summary>Which of these repositories exist on this hub and are visible to the caller.</summary>
    async Task<IReadOnlyList<(string, bool)>> HereAsync(Caller caller, RepoType type, IReadOnlyList<string> names,
        CancellationToken cancellationToken)
    {
        var told = new List<(string, bool)>();
        foreach (var name in names.Take(MaxNamed))
            told.Add((name, name.Contains('/', StringComparison.Ordinal) && await repos.FindAsync(type, name, cancellationToken) is { } repo
                && await authoriser.MayAsync(caller, repo, Need.See, cancellationToken)));
        return told;
    }

    async Task<IReadOnlyList<string>> DerivedAsync(Caller caller, Repo repo, CancellationToken cancellationToken)
    {
        var filter = new ListFilter { Type = RepoType.Model, Tags = [$"base_model:{repo.FullName}".ToLowerInvariant()] };
        return [.. (await search.PageAsync(caller, filter, ListOrder.Read("downloads", null), null, MaxNamed,
            cancellationToken)).Rows.Select(r => r.Repo.FullName)];
    }

    static string? Text(JsonObject? json, string name) =>
        json?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= 200 ? text : null;

    static long? Number(JsonObject? json, string name) =>
        json?[name] is JsonValue value && value.TryGetValue<long>(out var number) ? number : null;

    static IReadOnlyList<string> Texts(JsonObject? card, string name) => card?[name] switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) && text.Length <= 200 => [text],
        JsonArray array => [.. array.OfType<JsonValue>().Select(v => v.ToString()).Where(t => t.Length is > 0 and <= 200).Take(100)],
        _ => [],
    };
}
