using Banyan.Client;
using Banyan.Server.Inference;
using Spectre.Console;

namespace Banyan.Cli.Hubs;

/// <summary>A model named by its repo: pulled from the configured hub if it is not on this machine, then a path like any other.</summary>
static class ModelPull
{
    /// <summary>The path of a model: a file or folder as it is; <c>sprout</c>, which ships with the program;
    /// <c>owner/name[@revision][:which]</c> after pulling what it needs. If the hub does not answer, what was pulled before is
    /// used.</summary>
    /// <exception cref="CommandException">It does not exist, or is ambiguous and there is no terminal to ask on.</exception>
    public static async Task<string> PathAsync(string model, CancellationToken cancellationToken) =>
        (await FindAsync(model, cancellationToken)).Path;

    /// <summary>As <see cref="PathAsync"/>, with the model's name in its repo.</summary>
    /// <exception cref="CommandException">It does not exist, or is ambiguous and there is no terminal to ask on.</exception>
    public static async Task<PulledThing> FindAsync(string model, CancellationToken cancellationToken)
    {
        if (File.Exists(model) || Directory.Exists(model))
            return new(model);
        if (model == Sprout.Name)
            return new(Sprout.Files(HubChoice.DefaultFolder)[Sprout.Weights]);
        var (text, wanted) = model.IndexOf(':') is var colon and > 0 ? (model[..colon], model[(colon + 1)..]) : (model, null);
        if (!text.Contains('/') || Path.IsPathRooted(text) || text.StartsWith('.')
            || text.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            || !RepoId.TryParse(text, RepoType.Model, out var repo, out var revision))
            throw new CommandException(
                $"there is no file or folder '{model}': give the path of a .gguf, a .safetensors or a folder with one, or a repo like owner/name");

        using var hub = new HubClient(Options());
        var request = new PullRequest(repo) { Revision = revision ?? "main" };
        try
        {
            var commit = await hub.CommitOfAsync(repo, request.Revision, cancellationToken);
            var chosen = Choose(repo, ModelFiles.Find(await hub.ListAsync(repo, commit, cancellationToken)), wanted);
            var result = await TransferView.RunAsync(repo.ToString(), quiet: false,
                progress => new Puller(hub).PullAsync(request with { Files = [.. chosen.Files.Select(f => f.Path)] },
                    progress, cancellationToken));
            return new(chosen.Main is null ? result.Folder : result.Files.First(f => f.File.Path == chosen.Main).LocalPath, repo, commit,
                wanted is null ? null : chosen.Name);
        }
        catch (HubClientException e) when (e.Problem == HubProblem.Unreachable && Cached(request, wanted) is { } path)
        {
            await Console.Error.WriteLineAsync($"{hub.Options.Endpoint.Authority} does not answer: using what was pulled before");
            return new(path, repo, request.Cache.CommitOf(repo, request.Revision), wanted);
        }
        catch (HubClientException e) when (e.Problem == HubProblem.Unreachable)
        {
            throw new CommandException(
                $"there is no file or folder '{model}' here, and {hub.Options.Endpoint.Authority} does not answer: give the path of a model, start a hub with 'banyan up', or name one with the variable HF_ENDPOINT");
        }
    }

    /// <summary>Pulls a model for a server, without prompting; progress goes to the requester.</summary>
    /// <exception cref="InvalidOperationException">It cannot be pulled; the message says why.</exception>
    public static async Task<PulledModel> ForServerAsync(string model, IProgress<PullProgress> progress,
        CancellationToken cancellationToken)
    {
        var (text, wanted) = model.IndexOf(':') is var colon and > 0 ? (model[..colon], model[(colon + 1)..]) : (model, null);
        if (!text.Contains('/') || !RepoId.TryParse(text, RepoType.Model, out var repo, out var revision))
            throw new InvalidOperationException(
                $"'{model}' is no repository of a hub: name one as owner/name or owner/name:q4_k_m. Ollama's own library cannot be pulled from");
        try
        {
            using var hub = new HubClient(Options() with { Waits = null });
            var commit = await hub.CommitOfAsync(repo, revision ?? "main", cancellationToken);
            var all = ModelFiles.Find(await hub.ListAsync(repo, commit, cancellationToken));
            var named = ModelFiles.Named(all, wanted == "latest" ? null : wanted);
            if (named.Count != 1)
                throw new InvalidOperationException(all.Count == 0 ? $"{repo} has no model that runs here: neither GGUF nor safetensors"
                    : $"{repo} has {string.Join(", ", all.Select(c => c.Name))}: choose one by a part of its name, like {repo}:{Path.GetFileNameWithoutExtension(all[0].Name)}");
            var request = new PullRequest(repo) { Revision = revision ?? "main", Files = [.. named[0].Files.Select(f => f.Path)] };
            var result = await new Puller(hub).PullAsync(request, new Told(progress), cancellationToken);
            return new(named[0].Main is { } main ? result.Files.First(f => f.File.Path == main).LocalPath : result.Folder,
                result.Files.ToDictionary(f => f.File.Path, f => f.LocalPath));
        }
        catch (Exception e) when (e is HubClientException or CommandException)
        {
            throw new InvalidOperationException(e.Message, e);
        }
    }

    sealed class Told(IProgress<PullProgress> progress) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => progress.Report(new(value.Bytes, value.BytesDone));
    }

    /// <summary>The configured hub.</summary>
    /// <exception cref="CommandException">Its address is invalid.</exception>
    public static HubClientOptions Options()
    {
        try
        {
            return HubClientOptions.FromEnvironment() with { Waits = TransferView.Say };
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"HF_ENDPOINT: {e.Message}");
        }
    }

    static string? Cached(PullRequest request, string? wanted)
    {
        if (request.Cache.CommitOf(request.Repo, request.Revision) is not { } commit)
            return null;
        var folder = request.Cache.Snapshot(request.Repo, commit);
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(File.Exists)
            .Select(f => new RepoFile(Path.GetRelativePath(folder, f).Replace(Path.DirectorySeparatorChar, '/'), 0, "", null, null))
            .ToList();
        return ModelFiles.Named(ModelFiles.Find(files), wanted) is [var only] ? only.Main is null ? folder
            : Path.Combine(folder, only.Main) : null;
    }

    static ModelFiles.Candidate Choose(RepoId repo, IReadOnlyList<ModelFiles.Candidate> all, string? wanted)
    {
        if (all.Count == 0)
            throw new CommandException($"{repo} has no model that runs here: neither GGUF nor safetensors");
        var named = ModelFiles.Named(all, wanted);
        if (named.Count == 1)
            return named[0];
        var list = string.Join(", ", (named.Count == 0 ? all : named).Select(c => $"{c.Name} ({Sizes.Bytes(c.Size)})"));
        if (named.Count == 0)
            throw new CommandException($"{repo} has no '{wanted}'; it has {list}");
        if (Console.IsInputRedirected || Console.IsErrorRedirected || Console.IsOutputRedirected)
            throw new CommandException(
                $"{repo} has several models: choose one by a part of its name, like {repo}:{Path.GetFileNameWithoutExtension(named[0].Name)}; it has {list}");
        return AnsiConsole.Prompt(new SelectionPrompt<ModelFiles.Candidate>()
            .Title($"{Markup.Escape(repo.ToString())} has several models; the larger, the better its answers and the slower it is:")
            .UseConverter(c => $"{Markup.Escape(c.Name)} ({Sizes.Bytes(c.Size)})").AddChoices(named));
    }
}
