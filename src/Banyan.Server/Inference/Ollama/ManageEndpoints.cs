using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Banyan.Server.Access;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Keys;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary><c>POST /api/pull</c> and <c>/api/copy</c>, <c>DELETE /api/delete</c>: adding and removing models. Only if a key is required,
/// or the server is not reachable by others.</summary>
sealed class ManageEndpoints(Bodies bodies, Catalogue catalogue, InferenceOptions options, ServerOptions server, ApiKeys keys)
{
    const int MostPulls = 4;

    static readonly string[] s_hosts = ["hf.co/", "huggingface.co/"];
    int _pulls;

    public async Task PullAsync(HttpContext context, CancellationToken cancellationToken)
    {
        CheckAllowed();
        var (name, stream) = await bodies.ReadAsync(context, fields =>
        {
            _ = fields.Flag("insecure");
            return Task.FromResult((NameIn(fields, "model", "name"), fields.Flag("stream", fallback: true)));
        }, cancellationToken);
        if (options.Pull is not { } pull)
            throw ApiException.Unsupported("model", "This server pulls no models.");
        var lines = Channel.CreateUnbounded<JsonObject>();
        var repo = s_hosts.FirstOrDefault(h => name.StartsWith(h, StringComparison.OrdinalIgnoreCase)) is { } host
            ? name[host.Length..] : name;
        var pulling = RunAsync();
        try
        {
            if (!stream)
            {
                await pulling;
                await context.Response.WriteJsonAsync(Status("success"), cancellationToken);
                return;
            }
            context.Response.ContentType = "application/x-ndjson";
            await foreach (var line in lines.Reader.ReadAllAsync(cancellationToken))
            {
                await context.Response.WriteAsync(line.Text() + "\n", cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
            }
            await pulling;
        }
        catch (Exception e) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            ErrorAnswers.Log(context, e);
            await context.Response.WriteAsync(OllamaDialect.ToJson(ModelDialect.Translate(e)).Text() + "\n", CancellationToken.None);
        }

        async Task RunAsync()
        {
            try
            {
                if (Interlocked.Increment(ref _pulls) > MostPulls)
                    throw new ApiException(429, $"{MostPulls} models are being pulled already. Try again when one of them is here.",
                        "model", "queue_full", "rate_limit_error")
                    { RetryAfterSeconds = 30 };
                lines.Writer.TryWrite(Status("pulling manifest"));
                var pulled = await pull(repo, new Progress(lines.Writer, repo), cancellationToken);
                lines.Writer.TryWrite(Status("writing manifest"));
                Serve(name, repo, pulled);
                lines.Writer.TryWrite(Status("success"));
            }
            catch (InvalidOperationException e)
            {
                throw ApiException.Invalid("model", e.Message, "pull_failed");
            }
            finally
            {
                Interlocked.Decrement(ref _pulls);
                lines.Writer.TryComplete();
            }
        }
    }

    // Into the folder of models, by links, where there is one: it is found there again after a restart.
    void Serve(string name, string repo, PulledModel pulled)
    {
        if (options.ModelsFolder is not { } folder)
        {
            catalogue.Name(name, catalogue.Add(pulled.Path));
            return;
        }
        foreach (var (file, path) in pulled.Files)
            ModelFolder.Link(path, Path.Combine([folder, .. repo.Split(':', '@')[0].Split('/'), .. file.Split('/')]));
        var served = catalogue.List();
        var main = ModelFolder.RealPath(pulled.Path);
        var model = served.FirstOrDefault(m => ModelFolder.RealPath(m.Path) == main) ?? catalogue.Find(repo);
        if (!string.Equals(model.Name, name, StringComparison.OrdinalIgnoreCase))
            catalogue.Name(name, model);
    }

    public async Task CopyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        CheckAllowed();
        var (source, destination) = await bodies.ReadAsync(context,
            fields => Task.FromResult((NameIn(fields, "source"), NameIn(fields, "destination"))), cancellationToken);
        var model = catalogue.Find(source);
        destination = NewName(destination, "destination");
        if (catalogue.List().Any(m => string.Equals(m.Name, destination, StringComparison.OrdinalIgnoreCase)))
            throw ApiException.Invalid("destination", $"Invalid 'destination': there is a model '{destination}'.");
        if (model.Base is not null)
            throw ApiException.Invalid("source", $"{model.Name} is made of {model.Base.Name}: it has no copy. Create another.");
        if (options.ModelsFolder is { } folder)
            ModelFolder.Copy(model.Path, folder, destination);
        catalogue.Name(destination, model);
    }

    public async Task DeleteAsync(HttpContext context, CancellationToken cancellationToken)
    {
        CheckAllowed();
        var name = await bodies.ReadAsync(context, fields => Task.FromResult(NameIn(fields, "model", "name")), cancellationToken);
        var model = catalogue.Find(name);
        var plain = name.EndsWith(":latest", StringComparison.OrdinalIgnoreCase) ? name[..^":latest".Length] : name;
        // A copy is a name: it goes, and what it names stays.
        if (!string.Equals(model.Name, plain, StringComparison.OrdinalIgnoreCase)
            && catalogue.Names.Any(n => string.Equals(n.Name, plain, StringComparison.OrdinalIgnoreCase))
            && options.ModelsFolder is { } copies && ModelFolder.Find(copies)
            .FirstOrDefault(f => string.Equals(f.Name, plain, StringComparison.OrdinalIgnoreCase)) is { Path: { } copy })
        {
            ModelFolder.Remove(copy, copies);
            catalogue.Unname(plain);
            return;
        }
        var isOfFolder = options.ModelsFolder is { } below && ModelFolder.IsBelow(model.Path, below);
        if (!isOfFolder && (options.Models.Contains(model.Path) || options.Adapters.Contains(model.Path)))
            throw ApiException.Invalid("model",
                $"{model.Name} is one that this server was started with: only models of its folder are deleted.", "model_not_deletable");
        if (model.IsLoaded && !await model.UnloadAsync())
            throw new ApiException(409, $"{model.Name} is in use: it can be deleted when its requests have been answered.",
                "model", "model_in_use");
        if (isOfFolder)
            ModelFolder.Remove(model.Path, options.ModelsFolder!);
        catalogue.Forget(model);
    }

    /// <summary><c>POST /api/push</c>: not supported: use <c>banyan push</c>.</summary>
    public async Task PushAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var name = await bodies.ReadAsync(context, fields => Task.FromResult(NameIn(fields, "model", "name")), cancellationToken);
        _ = catalogue.Find(name);
        throw new ApiException(501,
            "This server pushes no models to Ollama's library, which takes them from its own program alone. 'banyan push' brings a model to a hub.", "model", "not_supported");
    }

    /// <summary>The name of a model that is to be made.</summary>
    internal static string NewName(string name, string field)
    {
        if (name.EndsWith(":latest", StringComparison.OrdinalIgnoreCase))
            name = name[..^":latest".Length];
        return name.Length is 0 or > 100 || name[0] == '.' || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_'))
            ? throw ApiException.Invalid(field, $"Invalid '{field}': a name has 1 to 100 letters, digits, '.', '-' and '_'.") : name;
    }

    internal void CheckAllowed()
    {
        if (server.IsOpen && !keys.AreAsked)
            throw ApiException.Forbidden(
                "Others reach this server and it asks for no key, so nobody may change its models. Make a key with banyan key add, or start it with --api-key.");
    }

    internal static string NameIn(Fields fields, params string[] names)
    {
        foreach (var name in names)
            if (fields.Text(name) is { Length: > 0 } value)
                return value.Length <= 300 ? value
                    : throw ApiException.Invalid(name, $"Invalid '{name}': it has more than 300 characters.");
        throw ApiException.Missing(names[0]);
    }

    static JsonObject Status(string status) => new() { ["status"] = status };

    /// <summary>Tells how far it is, as of one layer: clients show a bar for each digest.</summary>
    sealed class Progress(ChannelWriter<JsonObject> lines, string repo) : IProgress<PullProgress>
    {
        readonly string _digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(repo)))}";

        public void Report(PullProgress value) => lines.TryWrite(new JsonObject
        {
            ["status"] = string.Create(CultureInfo.InvariantCulture, $"pulling {_digest[7..19]}"),
            ["digest"] = _digest,
            ["total"] = value.Total,
            ["completed"] = Math.Min(value.Completed, value.Total),
        });
    }
}
