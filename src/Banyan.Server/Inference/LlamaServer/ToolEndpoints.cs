using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Ollama;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>
/// llama-server's <c>/props</c>, <c>/slots</c>, <c>/tokenize</c>, <c>/detokenize</c>, <c>/apply-template</c>, <c>/lora-adapters</c>,
/// <c>/models/load</c>, <c>/models/unload</c>.
/// </summary>
sealed class ToolEndpoints(Bodies bodies, Catalogue catalogue, ManageEndpoints manage, TimeProvider time)
{
    public async Task PropsAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await catalogue.Find(context.Request.Query["model"])
            .AskAsync(1, loaded => loaded, cancellationToken, generates: false);
        var model = asked.Model;
        await context.Response.WriteJsonAsync(new JsonObject
        {
            ["default_generation_settings"] = new JsonObject
            {
                ["n_ctx"] = model.ContextLength,
                ["params"] = new JsonObject { ["temperature"] = 0.8, ["top_k"] = 40, ["top_p"] = 0.95, ["min_p"] = 0.05 }
            },
            ["total_slots"] = new EngineOptions().MaxRequests,
            ["model_alias"] = model.Name,
            ["model_path"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(catalogue.Find(model.Name).Path)),
            ["modalities"] = new JsonObject { ["vision"] = false, ["audio"] = false },
            ["chat_template"] = model.Chats ? model.Template!.Source : "",
            ["bos_token"] = model.Tokenizer.Bos is { } bos ? model.Tokenizer.Text(bos) : "",
            ["eos_token"] = model.Tokenizer.Eos is { } eos ? model.Tokenizer.Text(eos) : "",
            ["build_info"] = $"banyan {typeof(ToolEndpoints).Assembly.GetName().Version!.ToString(3)}",
        }, cancellationToken);
    }

    public Task SlotsAsync(HttpContext context)
    {
        var slots = new JsonArray();
        foreach (var model in catalogue.List().Select(m => m.Loaded).OfType<LoadedModel>().Where(m => m.Generates))
            for (var i = 0; i < new EngineOptions().MaxRequests; i++)
                slots.Add((JsonNode)new JsonObject
                {
                    ["id"] = slots.Count,
                    ["model"] = model.Name,
                    ["n_ctx"] = model.ContextLength,
                    ["is_processing"] = i < model.Status?.Running
                });
        return context.Response.WriteJsonAsync(slots, context.RequestAborted);
    }

    public Task AdaptersAsync(HttpContext context) => context.Response.WriteJsonAsync(new JsonArray([.. catalogue.Adapters()
        .Select((m, i) => (JsonNode)new JsonObject { ["id"] = i, ["path"] = m.Name,
            ["scale"] = m.Base!.Scales.FirstOrDefault(s => s.Adapter == m)?.Scale ?? 0 })]), context.RequestAborted);

    /// <summary>
    /// <c>POST /lora-adapters</c>: the adapters in use for requests that name their base and no adapters; those not listed are off.
    /// </summary>
    public async Task SetAdaptersAsync(HttpContext context, CancellationToken cancellationToken)
    {
        manage.CheckAllowed();
        var scales = await bodies.ReadArrayAsync(context,
            items => Task.FromResult(LoraField.Read(items, "lora", catalogue.Adapters()).FindAll(s => s.Scale != 0)), cancellationToken);
        // They are put together once now: what cannot be is refused here, and not to everybody.
        foreach (var of in scales.GroupBy(s => s.Adapter.Base!))
            using (await of.Key.AskAsync(1, _ => true, cancellationToken, scales: [.. of]))
            {
            }
        foreach (var model in catalogue.Known)
            model.Scales = scales.FindAll(s => s.Adapter.Base == model);
        await context.Response.WriteJsonAsync(new JsonObject { ["success"] = true }, cancellationToken);
    }

    public Task TokenizeAsync(HttpContext context, CancellationToken cancellationToken) => AnswerAsync(context, (fields, model) =>
    {
        var content = fields.Any("content") is null ? throw ApiException.Missing("content") : fields.Text("content")!;
        var (special, parse, pieces) = (fields.Flag("add_special"), fields.Flag("parse_special", fallback: true),
            fields.Flag("with_pieces"));
        if (!model.Tokenizer.TryEncode(content, 1_000_000, out var tokens, special, parse))
            throw ApiException.TooLong("'content' has more than 1000000 tokens.");
        return new JsonObject
        {
            ["tokens"] =
                new JsonArray([.. tokens.Select(t => (JsonNode)(pieces ? new JsonObject { ["id"] = t, ["piece"] = Piece(model, t) } : t))]),
        };
    }, cancellationToken);

    // A part of a character is told as bytes.
    static JsonNode Piece(LoadedModel model, int token) => Utf8.IsValid(model.Tokenizer.Bytes(token)) ? model.Tokenizer.Text(token)
        : new JsonArray([.. model.Tokenizer.Bytes(token).ToArray().Select(b => (JsonNode)b)]);

    public Task DetokenizeAsync(HttpContext context, CancellationToken cancellationToken) => AnswerAsync(context, (fields, model) =>
    {
        if (fields.Any("tokens") is null)
            throw ApiException.Missing("tokens");
        return new JsonObject { ["content"] = model.Tokenizer.Decode(model.ReadIds(fields.Array("tokens"), "tokens")) };
    }, cancellationToken);

    public Task ApplyTemplateAsync(HttpContext context, CancellationToken cancellationToken) => AnswerAsync(context, (fields, model) =>
    {
        var variables = ChatRequest.ReadVariables(fields);
        if (!fields.Flag("add_generation_prompt", fallback: true))
            variables["add_generation_prompt"] = false;
        var prompt = model.Prepare(ChatRequest.ReadTurn(fields, Messages.Read(fields)) with { Variables = variables },
            time.GetLocalNow()).Prompt;
        return new JsonObject { ["prompt"] = model.Tokenizer.Decode(prompt) };
    }, cancellationToken);

    public async Task LoadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context,
            fields => Named(fields).AskAsync(1, _ => true, cancellationToken, generates: false), cancellationToken);
        await context.Response.WriteJsonAsync(new JsonObject { ["success"] = true }, cancellationToken);
    }

    public async Task UnloadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var model = await bodies.ReadAsync(context, fields => Task.FromResult(Named(fields)), cancellationToken);
        if (!model.IsLoaded)
            throw ApiException.Invalid("model", $"{model.Name} is not loaded.", "model_not_loaded");
        if (!await model.UnloadAsync())
            throw new ApiException(409, $"{model.Name} is in use: it can be unloaded when its requests have been answered.",
                "model", "model_in_use");
        await context.Response.WriteJsonAsync(new JsonObject { ["success"] = true }, cancellationToken);
    }

    /// <summary><c>POST /slots/{id}?action=…</c>.</summary>
    public static Task RefuseSlot(HttpContext context) => throw new ApiException(501,
        "Slots are not saved, restored or erased here: all requests share one prefix cache, which finds what was computed by its tokens.",
        code: "not_supported", type: "not_supported_error");

    ServedModel Named(Fields fields) =>
        catalogue.Find(fields.Text("model") is { Length: > 0 } name ? name : throw ApiException.Missing("model"));

    async Task AnswerAsync(HttpContext context, Func<Fields, LoadedModel, JsonObject> read, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context,
            fields => catalogue.Find(fields.Text("model"))
                .AskAsync(1, model => read(fields, model), cancellationToken, generates: false), cancellationToken);
        await context.Response.WriteJsonAsync(asked.Request, cancellationToken);
    }
}
