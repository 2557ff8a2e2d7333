using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>A validated request to llama.cpp's <c>/infill</c> or <c>/completion</c>.</summary>
sealed record InfillRequest(IReadOnlyList<int[]> Prompts, GenerationOptions Options, bool Stream, bool ReturnTokens, bool EvaluateOnly)
{
    const int MaxFiles = 256;

    /// <summary>Whether the answer repeats the prompt and how it was sampled, as <c>/completion</c> does.</summary>
    public bool Explains { get; init; }

    /// <summary>The fields that the answer is wanted with, by their paths; empty for all.</summary>
    public IReadOnlyList<string> ResponseFields { get; init; } = [];

    public static InfillRequest ReadCompletion(Fields fields, LoadedModel model)
    {
        var prompt = fields.Any("prompt") ?? throw ApiException.Missing("prompt");
        model.RefuseHopeless(prompt, "prompt");
        var (options, evaluateOnly) = ReadOptions(fields, model);
        return new(ReadPrompts(prompt, model), options, fields.Flag("stream"), fields.Flag("return_tokens"), evaluateOnly)
        {
            Explains = true,
            ResponseFields =
                [.. fields.Array("response_fields").Select(f => f.ValueKind == JsonValueKind.String ? Fields.ReadText(f, "response_fields")
                : throw ApiException.WrongType("response_fields", "an array of strings", $"an array with {Fields.Describe(f)}"))],
        };
    }

    /// <summary>How many answers <c>/completion</c> is asked for.</summary>
    public static int CountPrompts(Fields fields, int most) =>
        fields.Any("prompt") is { ValueKind: JsonValueKind.Array } list && IsSeveral(list) && list.GetArrayLength() is var count
        ? count <= most ? count
        : throw ApiException.Invalid("prompt",
            $"Invalid 'prompt': {count} prompts are more than the {most} generations this server runs at once.") : 1;

    // One text as a string, as tokens, or mixed of both; several as a list of such.
    static List<int[]> ReadPrompts(JsonElement prompt, LoadedModel model)
    {
        if (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() == 0)
            throw ApiException.Invalid("prompt", "Invalid 'prompt': the array is empty.");
        return prompt.ValueKind == JsonValueKind.Array && IsSeveral(prompt)
            ? [.. prompt.EnumerateArray().Select(item => ReadPrompt(item, model))] : [ReadPrompt(prompt, model)];
    }

    static bool IsSeveral(JsonElement list) => list.EnumerateArray().All(item => item.ValueKind != JsonValueKind.Number);

    static int[] ReadPrompt(JsonElement prompt, LoadedModel model)
    {
        if (prompt.ValueKind == JsonValueKind.String)
            return model.Encode(Fields.ReadText(prompt, "prompt"));
        if (prompt.ValueKind != JsonValueKind.Array)
            throw ApiException.WrongType("prompt", "a string, a list of token ids and strings, or a list of those",
                Fields.Describe(prompt));
        return model.ReadMixed(prompt, "prompt", model.ContextLength - 1).OrStart(model.Tokenizer);
    }

    static (GenerationOptions, bool EvaluateOnly) ReadOptions(Fields fields, LoadedModel model)
    {
        var limit = fields.Integer("n_predict", -1, int.MaxValue) ?? fields.Integer("max_tokens", -1, int.MaxValue) ?? -1;
        // Editors send 0 to have a text's keys and values in the cache before it is needed; what the last pass says next is not shown.
        var evaluateOnly = limit == 0;
        var alternatives = fields.Integer("n_probs", 0, 20) ?? 0;
        return (SamplingFields.Read(fields, SamplingFields.LlamaCpp, model) with
        {
            MaxTokens = limit > 0 ? limit : evaluateOnly ? 1 : int.MaxValue,
            TopLogprobs = alternatives > 0 ? alternatives : null,
            LogprobsAfterSampling = fields.Flag("post_sampling_probs"),
            ReportPrompt = fields.Flag("return_progress") && fields.Flag("stream"),
        }, evaluateOnly);
    }

    public static InfillRequest Read(Fields fields, LoadedModel model)
    {
        var prefix = fields.Text("input_prefix");
        var suffix = fields.Text("input_suffix");
        if (prefix is null && suffix is null)
            throw ApiException.Missing("input_prefix");
        var (options, evaluateOnly) = ReadOptions(fields, model);
        var files = ReadFiles(fields);
        model.RequireFim();
        // Editors send whole files: what does not fit is left out. llama-server puts "prompt" right before the gap.
        var (prompt, filling) = Fim.Prepare(model.Tokenizer, model.ContextLength, prefix + fields.Text("prompt"), suffix ?? "", options,
            files.Count == 0 ? null : new("repository", "file", files));
        return new([prompt], filling, fields.Flag("stream"), fields.Flag("return_tokens"), evaluateOnly);
    }

    static List<FimFile> ReadFiles(Fields fields)
    {
        var items = fields.Array("input_extra");
        if (items.Count > MaxFiles)
            throw ApiException.Invalid("input_extra", $"Invalid 'input_extra': {items.Count} files, at most {MaxFiles} are taken.",
                "array_above_max_length");
        var files = new List<FimFile>(items.Count);
        foreach (var item in items)
        {
            var path = $"input_extra[{files.Count}]";
            var file = item.ValueKind == JsonValueKind.Object ? new Fields(item, path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(item));
            files.Add(new(file.Text("filename") ?? "file", file.Text("text") ?? throw ApiException.Missing($"{path}.text")));
        }
        return files;
    }
}
