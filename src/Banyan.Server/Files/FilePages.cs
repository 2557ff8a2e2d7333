using System.Globalization;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Reports;
using Banyan.Server.Repos;
using Banyan.Server.Viewer;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary>Pages of folders and files. Of a file only the part that is shown is read, from its beginning.</summary>
sealed class FilePages(Authoriser authoriser, Revisions revisions, Refs refs, RepoTree tree, LastCommits lastCommits, HeaderWindow window,
    TensorHeaders headers, CardHtml cards, Resolve resolve, FileViewer viewer, FileOpener opener, RepoReports reports, TimeProvider time)
{
    const int PageRows = 300, MaxBranches = 200, HeadRows = 20, MaxBytes = 512 << 10, MaxLines = 5000, MaxLine = 2000;

    const string ChatTemplateName = "chat_template.jinja", TokenizerConfigName = "tokenizer_config.json";

    static readonly HashSet<string> s_pictures = new(StringComparer.OrdinalIgnoreCase) { ".png", ".jpg", ".jpeg", ".gif", ".webp" };

    /// <summary><c>/{id}/tree/{rev}[/{path}]</c></summary>
    public async Task TreeAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        if (name.Length == 0)
            name = repo.DefaultBranch;
        var revision = await revisions.GetAsync(repo, name, cancellationToken);
        if (await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is not { } folder)
            throw HubException.EntryNotFound(path, revision.Id.ToString());
        if (!folder.IsFolder)
        {
            context.Response.Redirect($"/{repo.Path}/blob/{Uri.EscapeDataString(name)}/{Show.Escape(path)}");
            return;
        }
        var start = int.TryParse(context.Request.Query["start"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked)
            ? asked : 0;
        var prefix = folder.Path.Length == 0 ? "" : folder.Path + "/";
        var all = (await tree.FolderAsync(repo.Id, folder.Id, cancellationToken)).OrderBy(e => !e.IsFolder).ToArray();
        var entries = all.Skip(start).Take(PageRows).Select(e => e with { Path = prefix + e.Path }).ToArray();
        var last = await lastCommits.FindAsync(repo.Id, revision, entries, cancellationToken);
        var branches =
            (await refs.ListAsync(repo.Id, cancellationToken)).Where(r => r.Name.StartsWith(GitRef.Heads, StringComparison.Ordinal)
                || r.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal)).Take(MaxBranches).Select(r => r.Short);
        var caller = await authoriser.CallerAsync(context);
        var mayUpload = !caller.IsAnonymous && await refs.FindAsync(repo.Id, GitRef.Heads + name, cancellationToken) is not null
            && await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken);
        context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        await HtmlPage.RenderAsync<TreePage>(context, new TreeView(
            new(repo, "files", name), folder.Path, CommitLine.Of(revision),
            [.. entries.Select(e => new TreeRow(e.Path, e.IsFolder, e.Lfs is not null, e.Size,
                last.TryGetValue(e.Path, out var commit) ? CommitLine.Of(commit) : null))], all.Length, start, [.. branches], mayUpload));
    }

    /// <summary><c>/{id}/blob/{rev}/{path}</c>: a page for browsers; clients that were given the address get the file.</summary>
    public async Task BlobAsync(HttpContext context, Repo repo)
    {
        context.Response.Headers.Append("Vary", "Accept");
        if (!HtmlPage.IsWanted(context.Request))
        {
            await resolve.FileAsync(context, repo);
            return;
        }
        var cancellationToken = context.RequestAborted;
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        var revision = await revisions.GetAsync(repo, name, cancellationToken);
        if (await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is not { } entry)
            throw HubException.EntryNotFound(path, revision.Id.ToString());
        if (entry.IsFolder)
        {
            context.Response.Redirect($"/{repo.Path}/tree/{Uri.EscapeDataString(name)}/{Show.Escape(path)}");
            return;
        }
        var last = await lastCommits.FindAsync(repo.Id, revision, [entry], cancellationToken);
        context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        var view = new BlobView
        {
            Head = new(repo, "files", name),
            Path = entry.Path,
            Size = entry.Size,
            Hash = entry.ETag,
            IsLarge = entry.Lfs is not null,
            Latest = CommitLine.Of(last.GetValueOrDefault(entry.Path, revision)),
        };
        await HtmlPage.RenderAsync<BlobPage>(context,
            await ShownAsync(repo, revision, entry, view, context.Request.Query["tensor"], context.Language(), cancellationToken));
    }

    async Task<BlobView> ShownAsync(Repo repo, Revision revision, RepoEntry entry, BlobView view, string? tensor, PageLanguage language,
        CancellationToken cancellationToken)
    {
        var extension = Path.GetExtension(entry.Path);
        if (s_pictures.Contains(extension))
            return view with { Medium = "image" };
        if (ContentTypes.Of(entry.Path, entry.Lfs is not null).Split('/')[0] is var medium && medium is "audio" or "video")
            return view with { Medium = medium };
        if (TensorHeaders.Reads(entry.Path))
        {
            if (await headers.ReadAsync(repo.Id, entry, new TensorTable(tensor), cancellationToken) is not { } table)
                return view with { Note = language["file.no_weights"] };
            view = view with
            {
                Tensors = table,
                Template = table.ChatTemplate is { } found
                ? TemplateExample.Of(found, new Dictionary<string, string>(), time.GetUtcNow()) : null
            };
            return await WithSampleAsync(repo, entry, view, tensor, cancellationToken);
        }
        if (RepoReports.IsReport(entry.Path) && await reports.ReadAsync(repo.Id, entry, cancellationToken) is { } report)
            view = view with { Report = report };
        else if (FileViewer.Shows(entry.Path) && !extension.Equals(".txt", StringComparison.OrdinalIgnoreCase))
            view = await WithRowsAsync(repo, entry, view, cancellationToken);
        if (extension.Equals(".parquet", StringComparison.OrdinalIgnoreCase))
            return view;
        if (await window.ReadAsync(repo.Id, entry, MaxBytes, cancellationToken) is not { } bytes)
            return view with { Note = language["file.pointer"] };
        if (PickleCalls.MayBe(entry.Path) && PickleCalls.Read(bytes, bytes.Length == entry.Size) is { } pickle)
            view = view with { Pickle = pickle };
        if (bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0) || (view.Pickle is not null && bytes[0] == 0x80))
            return view with { Note = language["file.binary"] };
        if (Path.GetFileName(entry.Path) is ChatTemplateName or TokenizerConfigName && bytes.Length == entry.Size)
            view = view with { Template = await TemplateAsync(repo, revision, entry, bytes, cancellationToken) };
        var text = Encoding.UTF8.GetString(bytes);
        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n', MaxLines + 1);
        return view with
        {
            Lines = [.. lines.Take(MaxLines).Select(l => l.Length > MaxLine ? l[..MaxLine] + "…" : l)],
            IsCut = bytes.Length < entry.Size || lines.Length > MaxLines,
            Html = extension.Equals(".md", StringComparison.OrdinalIgnoreCase)
                ? await cards.RenderAsync(repo, entry.Id, view.Head.Revision, entry.Path[..(entry.Path.LastIndexOf('/') + 1)], bytes,
                    cancellationToken) : null,
        };
    }

    /// <summary>The template that a file is or has; its tokens are those of the tokenizer beside it.</summary>
    async Task<TemplateExample?> TemplateAsync(Repo repo, Revision revision, RepoEntry entry, byte[] bytes,
        CancellationToken cancellationToken)
    {
        var isConfig = entry.Path.EndsWith(TokenizerConfigName, StringComparison.Ordinal);
        var config = isConfig ? bytes
            : await tree.SmallFileAsync(repo.Id, revision.Commit.Tree,
                entry.Path[..^ChatTemplateName.Length] + TokenizerConfigName, cancellationToken);
        var (source, tokens) = TemplateExample.Read(config);
        return (isConfig ? source : Encoding.UTF8.GetString(bytes)) is { } template
            ? TemplateExample.Of(template, tokens, time.GetUtcNow()) : null;
    }

    /// <summary>The first rows; where there are none, why a file that is nothing else has none.</summary>
    async Task<BlobView> WithRowsAsync(Repo repo, RepoEntry entry, BlobView view, CancellationToken cancellationToken)
    {
        try
        {
            return view with { Table = await viewer.HeadAsync(repo.Id, entry, HeadRows, cancellationToken) };
        }
        catch (ViewerException e)
        {
            return view with { Note = e.Text };
        }
    }

    /// <summary>The numbers of one tensor.</summary>
    async Task<BlobView> WithSampleAsync(Repo repo, RepoEntry entry, BlobView view, string? tensor, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(tensor))
            return view;
        try
        {
            if (view.Tensors!.Wanted is not { } wanted)
                throw new ViewerException($"There is no tensor '{(tensor.Length > 200 ? tensor[..200] + "…" : tensor)}' in this file.");
            return await opener.OpenAsync(repo.Id, entry, TensorSample.MostRead, cancellationToken) is { } file
                ? view with { Sample = await TensorSample.ReadAsync(view.Tensors, wanted, file, cancellationToken) } : view;
        }
        catch (ViewerException e)
        {
            return view with { Note = e.Text };
        }
    }
}
