using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary>A validated request to <c>/v1/completions</c>.</summary>
sealed record CompletionRequest
{
    const int MaxLogprobs = 20, DefaultMaxTokens = 16;

    public required IReadOnlyList<int[]> Prompts { get; init; }

    /// <summary>What the answer begins with: the prompts' texts, when the client asked for an echo.</summary>
    public required IReadOnlyList<string> Echoes { get; init; }

    public required GenerationOptions Options { get; init; }
    public required int ChoicesPerPrompt { get; init; }

    /// <summary>Answers generated for each prompt, of which the likeliest are the choices.</summary>
    public required int BestOf { get; init; }

    /// <summary>Whether the prompt's own log-probabilities are wanted.</summary>
    public bool ScoresPrompt => Echoes.Count > 0 && Logprobs is not null;

    /// <summary>False if only the prompt is wanted.</summary>
    public required bool Generates { get; init; }

    /// <summary>Whether the prompts came as text, to which the tokenizer may have prepended a token.</summary>
    public required bool FromText { get; init; }

    /// <summary>Alternatives to report; 0 reports the chosen tokens alone, null nothing.</summary>
    public required int? Logprobs { get; init; }
    public required bool Stream { get; init; }
    public required bool IncludeUsage { get; init; }

    public static CompletionRequest Read(Fields fields, LoadedModel model, int maxChoices)
    {
        var (stream, includeUsage) = StreamFields.Read(fields);
        var choices = fields.Integer("n", 1, maxChoices) ?? 1;
        var best = ReadBestOf(fields, choices, maxChoices);
        if (best > choices && stream)
            throw ApiException.Invalid("best_of",
                "'best_of' more than 'n' cannot be streamed: which answers are the best is known at their end.");
        var logprobs = ReadLogprobs(fields);
        var echo = fields.Flag("echo");
        if (echo && logprobs is not null && fields.Any("suffix") is not null)
            throw ApiException.Unsupported("echo", "'echo' with 'logprobs' is not supported together with 'suffix'.");
        // What programs that measure send: the prompt's probabilities, and nothing more.
        var generates = !(echo && fields.Any("max_tokens") is { } zero && Fields.TryInteger(zero, out var most) && most == 0);
        var options = SamplingFields.Read(fields, SamplingFields.OpenAi, model) with
        {
            MaxTokens = generates ? fields.MaxTokens("max_tokens") ?? DefaultMaxTokens : 1,
            TopLogprobs = logprobs,
            LogprobsAfterSampling = fields.Flag("post_sampling_probs"),
            ReportPrompt = fields.Flag("return_progress") && stream,
        };
        var (texts, prompts, filling) = ReadPrompts(fields, model, options);
        return new CompletionRequest
        {
            Prompts = prompts,
            Echoes = echo ? texts : [],
            Options = filling,
            ChoicesPerPrompt = choices,
            BestOf = best,
            Generates = generates,
            FromText = IsText(fields.Any("prompt")!.Value),
            Logprobs = logprobs,
            Stream = stream,
            IncludeUsage = includeUsage,
        };
    }

    /// <summary>Prompts times choices, counted before any prompt is read.</summary>
    public static int CountGenerations(Fields fields, int maxChoices)
    {
        var choices = ReadBestOf(fields, fields.Integer("n", 1, maxChoices) ?? 1, maxChoices);
        var prompts = fields.Any("prompt") is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() > 0
            && array[0].ValueKind != JsonValueKind.Number ? array.GetArrayLength() : 1;
        return (long)choices * prompts <= maxChoices ? choices * prompts
            : throw ApiException.Invalid("n",
                $"{prompts} prompts with {choices} choices each are more than the {maxChoices} generations this server runs at once.");
    }

    static int ReadBestOf(Fields fields, int choices, int maxChoices) => fields.Integer("best_of", 1, maxChoices) is not { } best ? choices
        : best >= choices ? best : throw ApiException.Invalid("best_of", $"Invalid 'best_of': {best} is less than 'n', {choices}.");

    static bool IsText(JsonElement prompt) => prompt.ValueKind == JsonValueKind.String
        || (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0 && prompt[0].ValueKind == JsonValueKind.String);

    static int? ReadLogprobs(Fields fields) => fields.Any("logprobs") switch
    {
        // Some clients send the chat API's boolean.
        { ValueKind: JsonValueKind.True } => 1,
        { ValueKind: JsonValueKind.False } => null,
        _ => fields.Integer("logprobs", 0, MaxLogprobs),
    };

    static (IReadOnlyList<string> Texts, IReadOnlyList<int[]> Prompts, GenerationOptions Options) ReadPrompts(Fields fields,
        LoadedModel model, GenerationOptions options)
    {
        var prompt = fields.Any("prompt") ?? throw ApiException.Missing("prompt");
        model.RefuseHopeless(prompt, "prompt");
        if (fields.Text("suffix") is { } suffix)
        {
            var prefix = fields.Text("prompt")!;
            var (gap, filling) = model.PrepareGap(prefix, suffix, options);
            return ([prefix], [gap], filling);
        }
        var (texts, prompts) = ReadPrompts(fields, prompt, model);
        return (texts, prompts, options);
    }

    static (IReadOnlyList<string> Texts, IReadOnlyList<int[]> Prompts) ReadPrompts(Fields fields, JsonElement prompt, LoadedModel model)
    {
        if (prompt.ValueKind == JsonValueKind.String)
            return FromTexts([Fields.ReadText(prompt, "prompt")], model);
        if (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() is var count && count >= model.ContextLength
            && prompt[0].ValueKind == JsonValueKind.Number)
            throw PromptTokens.TooLong(model, "prompt");
        var items = fields.Array("prompt");
        if (items.Count == 0)
            throw ApiException.Invalid("prompt", "Invalid 'prompt': the array is empty.");
        if (items.All(i => i.ValueKind == JsonValueKind.String))
            return FromTexts([.. items.Select(i => Fields.ReadText(i, "prompt"))], model);
        var tokens = items.All(i => i.ValueKind == JsonValueKind.Number) ? [ReadTokens(items, model)]
            : items.All(i => i.ValueKind == JsonValueKind.Array)
            ? items.Select(i => i.GetArrayLength() < model.ContextLength ? ReadTokens([.. i.EnumerateArray()], model)
                : throw PromptTokens.TooLong(model, "prompt")).ToList()
            : throw ApiException.WrongType("prompt", "a string, an array of strings, an array of token ids or an array of those",
                "an array of mixed items");
        return ([.. tokens.Select(t => model.Tokenizer.Decode(t))], tokens);
    }

    static (IReadOnlyList<string>, IReadOnlyList<int[]>) FromTexts(IReadOnlyList<string> texts, LoadedModel model) =>
        (texts, [.. texts.Select(model.Encode)]);

    static int[] ReadTokens(IReadOnlyList<JsonElement> items, LoadedModel model) => model.ReadIds(items, "prompt").OrStart(model.Tokenizer);
}
