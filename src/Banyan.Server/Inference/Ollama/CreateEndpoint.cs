using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary>
/// <c>POST /api/create</c>: a model of another's weights with a system text, a template, sampling or an adapter of its own, or one of
/// uploaded files.
/// </summary>
sealed class CreateEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, ManageEndpoints manage)
{
    const int MostText = 1 << 20;

    readonly SemaphoreSlim _turn = new(1);

    sealed record Wanted(string Name, string? From, IReadOnlyList<(string Name, string Path)> Files, (string Name, string Path)? Adapter,
        CreatedModel Model, bool Stream);

    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        manage.CheckAllowed();
        var wanted = await bodies.ReadAsync(context, fields => Task.FromResult(Read(fields)), cancellationToken);
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (catalogue.List().Any(m => string.Equals(m.Name, wanted.Name, StringComparison.OrdinalIgnoreCase)))
                throw ApiException.Invalid("model",
                    $"Invalid 'model': there is a model '{wanted.Name}'. Delete it first, or choose another name.");
            await Task.Run(() => Create(wanted), cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
        if (wanted.Stream)
        {
            context.Response.ContentType = "application/x-ndjson";
            foreach (var status in (string[])["writing manifest", "success"])
                await context.Response.WriteAsync(new JsonObject { ["status"] = status }.Text() + "\n", cancellationToken);
        }
        else
            await context.Response.WriteJsonAsync(new JsonObject { ["status"] = "success" }, cancellationToken);
    }

    void Create(Wanted wanted)
    {
        var folder = options.ModelsFolder!;
        var from = wanted.From is { } name ? catalogue.Find(name) : null;
        var description = CreatedModel.PathOf(folder, wanted.Name);
        var begun = new List<string>();
        try
        {
            if (from is null)
            {
                // Uploaded files are a model of their own; what else is set for it lies beside, under the name that was asked for.
                var isPlain = wanted.Model with { From = "" } == new CreatedModel("") && wanted.Adapter is null;
                var own = isPlain ? wanted.Name : $"{wanted.Name}-base";
                if (!isPlain && catalogue.List().Any(m => string.Equals(m.Name, own, StringComparison.OrdinalIgnoreCase)))
                    throw ApiException.Invalid("model",
                        $"Invalid 'model': there is a model '{own}', the name that its weights would have.");
                var path = Place(wanted.Files, folder, own, begun);
                using (var file = ModelFile.Open(path))
                    _ = Config.Read(file);
                if (isPlain)
                    return;
                from = catalogue.Add(path);
            }
            var model = wanted.Model with { From = from.Name };
            if (wanted.Adapter is { } adapter)
            {
                var path = Path.Combine(BlobEndpoints.Folder(options), $"{wanted.Name}.gguf");
                _ = AdapterWeights.Read(adapter.Path, ConfigOf(from));
                File.Move(adapter.Path, path, overwrite: true);
                begun.Add(path);
                model = model with { Adapter = Path.GetRelativePath(folder, path) };
            }
            model.Write(description);
        }
        catch (Exception e) when (e is ModelFileException or NotSupportedException or ArgumentException)
        {
            Undo(begun);
            throw ApiException.Invalid(wanted.Adapter is null ? "files" : "adapters",
                $"This cannot be served: {e.Message}", "model_not_supported");
        }
        catch
        {
            Undo(begun);
            throw;
        }
    }

    static Config ConfigOf(ServedModel model)
    {
        while (model.Base is { } below)
            model = below;
        using var file = ModelFile.Open(model.Path);
        return Config.Read(file);
    }

    static string Place(IReadOnlyList<(string Name, string Path)> files, string folder, string name, List<string> begun)
    {
        var isGguf = files is [var only] && only.Name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
        if (!isGguf && !files.Any(f => f.Name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)))
            throw ApiException.Invalid("files",
                "Invalid 'files': one .gguf is needed, or a folder's .safetensors with config.json and tokenizer.json.");
        foreach (var (file, path) in files)
        {
            var to = isGguf ? Path.Combine(folder, $"{name}.gguf") : Path.Combine(folder, name, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Move(path, to, overwrite: true);
            begun.Add(to);
        }
        return isGguf ? Path.Combine(folder, $"{name}.gguf") : Path.Combine(folder, name);
    }

    static void Undo(List<string> begun)
    {
        foreach (var path in begun)
            File.Delete(path);
        foreach (var folder in begun.Select(Path.GetDirectoryName).OfType<string>().Distinct())
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
                Directory.Delete(folder);
    }

    Wanted Read(Fields fields)
    {
        var name = ManageEndpoints.NewName(ManageEndpoints.NameIn(fields, "model", "name"), "model");
        _ = BlobEndpoints.Folder(options);
        if (fields.Text("modelfile") is { Length: > 0 })
            throw ApiException.Unsupported("modelfile",
                "'modelfile' is what Ollama took before 0.5: send 'from', 'system', 'template', 'parameters' instead, as its program does now.");
        if (fields.Text("quantize") is { Length: > 0 })
            throw ApiException.Unsupported("quantize", "'quantize' is not done by this server: 'banyan quantize IN OUT --type T' does it.");
        if (fields.Count("messages") > 0)
            throw ApiException.Unsupported("messages", "'messages' is not supported: put them into 'system'.");
        var files = FilesIn(fields, "files");
        var adapters = FilesIn(fields, "adapters");
        var from = fields.Text("from") is { Length: > 0 } text ? text : null;
        if (from is null == (files.Count == 0))
            throw ApiException.Invalid("from",
                from is null ? "Missing 'from' or 'files': of what the model is made." : "'from' and 'files' exclude each other.");
        if (adapters.Count > 1)
            throw ApiException.Unsupported("adapters", "'adapters' has more than one file: one GGUF adapter is taken.");
        var template = Long(fields, "template");
        if (template is not null)
            try
            {
                _ = ChatTemplate.Parse(template);
            }
            catch (TemplateException e)
            {
                throw ApiException.Invalid("template",
                    $"Invalid 'template': templates are Jinja here, as models carry them, and not Go's: {e.Message}");
            }
        return new(name, from, files, adapters is [var adapter] ? adapter : null,
            ReadParameters(fields, new("") { System = Long(fields, "system"), Template = template }),
            fields.Flag("stream", fallback: true));
    }

    static CreatedModel ReadParameters(Fields fields, CreatedModel model)
    {
        if (fields.Object("parameters") is not { } given)
            return model;
        _ = given.Integer("num_ctx", 1, int.MaxValue);
        return model with
        {
            Temperature = given.Number("temperature", 0, 2),
            TopP = given.Number("top_p", 0, 1) is { } topP ? Math.Max(topP, 1e-6f) : null,
            TopK = given.Integer("top_k", 0, int.MaxValue),
            MinP = given.Number("min_p", 0, 1),
            RepeatPenalty = given.Number("repeat_penalty", 0.01f, 10),
            Stop = given.Any("stop") switch
            {
                null => null,
                { ValueKind: JsonValueKind.String } one => [Fields.ReadText(one, "parameters.stop")],
                _ => given.Array("stop") is { Count: <= 16 } all && all.All(s => s.ValueKind == JsonValueKind.String)
                    ? [.. all.Select(s => Fields.ReadText(s, "parameters.stop"))]
                    : throw ApiException.Invalid("parameters.stop", "Invalid 'parameters.stop': a text or up to 16 of them are needed."),
            },
        };
    }

    static string? Long(Fields fields, string name) => fields.Text(name) is { Length: > 0 } text
        ? text.Length <= MostText ? text
        : throw ApiException.Invalid(name, $"Invalid '{name}': it has more than {MostText} characters.") : null;

    List<(string Name, string Path)> FilesIn(Fields fields, string field)
    {
        var files = new List<(string, string)>();
        if (fields.Object(field) is null)
            return files;
        foreach (var file in fields.Any(field)!.Value.EnumerateObject())
        {
            if (file.Name.Length is 0 or > 200 || file.Name[0] == '.'
                || file.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')))
                throw ApiException.Invalid(field,
                    $"Invalid '{field}': names of files have letters, digits, '.', '-' and '_', and no folders.");
            var path = BlobEndpoints.PathOf(options,
                file.Value.ValueKind == JsonValueKind.String ? file.Value.GetString()! : "", $"{field}.{file.Name}");
            if (!File.Exists(path))
                throw ApiException.Invalid($"{field}.{file.Name}",
                    $"Invalid '{field}.{file.Name}': it was not uploaded. Send it to /api/blobs/{file.Value.GetString()} first.",
                    "blob_not_found");
            files.Add((file.Name, path));
        }
        return files;
    }
}
