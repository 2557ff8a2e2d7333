using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>A validated request to llama.cpp's <c>/infill</c>.</summary>
sealed record InfillRequest(int[] Prompt, GenerationOptions Options, bool Stream, bool ReturnTokens, bool EvaluateOnly)
{
    const int MaxFiles = 256;

    public static InfillRequest Read(Fields fields, LoadedModel model)
    {
        var prefix = fields.Text("input_prefix");
        var suffix = fields.Text("input_suffix");
        if (prefix is null && suffix is null)
            throw ApiException.Missing("input_prefix");
        var limit = fields.Integer("n_predict", -1, int.MaxValue) ?? fields.Integer("max_tokens", -1, int.MaxValue) ?? -1;
        // Editors send 0 to have a text's keys and values in the cache before it is needed; what the last pass says next is not shown.
        var evaluateOnly = limit == 0;
        var alternatives = fields.Integer("n_probs", 0, 20) ?? 0;
        var options = SamplingFields.Read(fields, SamplingFields.LlamaCpp, model.Tokenizer) with
        {
            MaxTokens = limit > 0 ? limit : evaluateOnly ? 1 : int.MaxValue,
            TopLogprobs = alternatives > 0 ? alternatives : null,
        };
        var files = ReadFiles(fields);
        // Editors send whole files: what does not fit is left out. A quarter of the context, at most, stays free for the answer.
        // llama-server puts "prompt" right before the gap.
        var room = model.ContextLength - Math.Min(options.MaxTokens, model.ContextLength / 4);
        var prompt = InfillPrompt.Build(model, prefix + fields.Text("prompt"), suffix ?? "", room, files.Count == 0 ? null : new("repository", "file", files));
        return new(prompt, options.EndingAtGap(model), fields.Flag("stream"), fields.Flag("return_tokens"), evaluateOnly);
    }

    static List<FimFile> ReadFiles(Fields fields)
    {
        var items = fields.Array("input_extra");
        if (items.Count > MaxFiles)
            throw ApiException.Invalid("input_extra", $"Invalid 'input_extra': {items.Count} files, at most {MaxFiles} are taken.", "array_above_max_length");
        var files = new List<FimFile>(items.Count);
        foreach (var item in items)
        {
            var path = $"input_extra[{files.Count}]";
            var file = item.ValueKind == System.Text.Json.JsonValueKind.Object ? new Fields(item, path) : throw ApiException.WrongType(path, "an object", Fields.Describe(item));
            files.Add(new(file.Text("filename") ?? "file", file.Text("text") ?? throw ApiException.Missing($"{path}.text")));
        }
        return files;
    }
}
