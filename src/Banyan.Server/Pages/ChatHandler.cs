using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Access;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages;

/// <summary>The chat page, and its form for browsers without script: the conversation travels in a hidden field.</summary>
sealed class ChatHandler(PageViews views, TimeProvider time)
{
    const int Alternatives = 5, MaxTurns = 200;

    static readonly PageForm s_defaults = new() { Temperature = 0.7, MaxTokens = 512 };

    public async Task ShowAsync(HttpContext context) =>
        await PageViews.RenderAsync<ChatPage>(context,
            await views.CreateAsync(context, context.Request.Query["model"], forChat: true) with { Form = s_defaults });

    public async Task SubmitAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var form = await PageViews.FormAsync(context, cancellationToken);
        var settings = PageViews.ReadSettings(form, s_defaults);
        var turns = ReadHistory(form["history"]);
        try
        {
            turns.Add(new("user", form["message"].ToString().ReplaceLineEndings("\n")));
            var (answer, statistics) = await AnswerAsync(form, turns, settings, cancellationToken);
            turns.Add(answer);
            await PageViews.RenderAsync<ChatPage>(context, await views.CreateAsync(context, form["model"]) with
            {
                Form = settings,
                Turns = turns,
                History = WriteHistory(turns).ToJsonString(),
                Result = new("", [], "", statistics),
            });
        }
        catch (Exception e) when (e is ApiException or ContextLengthException)
        {
            var error = ModelDialect.Translate(e);
            await PageViews.RenderAsync<ChatPage>(context,
                await views.CreateAsync(context, form["model"]) with
                {
                    Form = settings,
                    Turns = turns,
                    Error = new(error.ToRecord().Error.Code, error.Message)
                }, error.Status);
        }
    }

    async Task<(TurnView Turn, GenerationStatistics? Statistics)> AnswerAsync(IFormCollection form, List<TurnView> turns, PageForm settings,
        CancellationToken cancellationToken)
    {
        using var letIn = views.LetIn(form);
        using var asked = await views.ModelAsync(form, cancellationToken);
        var model = asked.Model;
        var options = new GenerationOptions
        {
            Temperature = (float)settings.Temperature,
            MaxTokens = settings.MaxTokens,
            Seed = (ulong?)settings.Seed,
            TopLogprobs = Alternatives
        };
        if (settings.Schema.Length > 0)
            options = options with { Grammar = OutputShape.OfSchema(ReadJson(settings.Schema, "schema"), "schema") };
        var turn =
            model.Prepare(new TurnRequest { Messages = WriteHistory(turns), Tools = ReadTools(settings.Tools), Options = options },
                time.GetLocalNow());
        var (answer, pieces) = (turn.NewAnswer(), new List<Generated>());
        await foreach (var piece in turn.GenerateAsync(model.GenerateAsync, turn.Options, model.ContextLength, cancellationToken))
            pieces.Add(piece
                with
            { Text = string.Concat(answer.Take(piece).Where(p => p.Kind == AnswerPartKind.Text).Select(p => p.Text)) });
        return (new("assistant", answer.Text, TokenView.Of(pieces, model.Tokenizer), answer.Reasoning)
        {
            Calls = [.. answer.Calls.Select(c => $"{c.Name}({c.Arguments})")],
        }, answer.Statistics);
    }

    // As the API takes them, or the functions alone.
    static JsonArray ReadTools(string text)
    {
        if (text.Length == 0)
            return [];
        var given = ReadJson(text, "tools");
        var items = given.ValueKind == JsonValueKind.Array ? given.EnumerateArray().ToArray() : [given];
        var wrapped =
            new JsonArray(
                [.. items.Select(i => ChatTemplate.ReadVariables(i) is JsonObject o && !o.ContainsKey("function")
                    ? new JsonObject { ["type"] = "function", ["function"] = o } : ChatTemplate.ReadVariables(i))]);
        using var document = JsonDocument.Parse(new JsonObject { ["tools"] = wrapped }.ToJsonString());
        return ChatRequest.ReadTools(new Fields(document.RootElement)).Tools;
    }

    static JsonElement ReadJson(string text, string field)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw ApiException.Invalid(field, $"The field '{field}' is not valid JSON: {JsonProblem.Of(e)}.");
        }
    }

    static JsonArray WriteHistory(IEnumerable<TurnView> turns) =>
        [.. turns.Select(t => new JsonObject { ["role"] = t.Role, ["content"] = t.Text })];

    /// <summary>What the browser sent back; anything that is no conversation starts a new one.</summary>
    static List<TurnView> ReadHistory(string? json)
    {
        try
        {
            using var document = JsonDocument.Parse(string.IsNullOrEmpty(json) ? "[]" : json, new() { MaxDepth = 4 });
            return [.. document.RootElement.EnumerateArray().Take(MaxTurns).Select(t => new TurnView(
                t.GetProperty("role").GetString() == "assistant" ? "assistant" : "user", t.GetProperty("content").GetString() ?? ""))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return [];
        }
    }
}
