using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Infill;

/// <summary>A validated request to llama.cpp's <c>/infill</c>.</summary>
sealed record InfillRequest(int[] Prompt, GenerationOptions Options, bool Stream, bool ReturnTokens, bool Truncated)
{
    const int MaxFiles = 256;

    public static InfillRequest Read(Fields fields, LoadedModel model)
    {
        ResponseFormat.Refuse(fields);
        var prefix = fields.Text("input_prefix");
        var suffix = fields.Text("input_suffix");
        if (prefix is null && suffix is null)
            throw ApiException.Missing("input_prefix");
        var limit = fields.Integer("n_predict", -1, int.MaxValue) ?? fields.Integer("max_tokens", -1, int.MaxValue) ?? -1;
        var alternatives = fields.Integer("n_probs", 0, 20) ?? 0;
        var options = SamplingFields.Read(fields, SamplingFields.LlamaCpp, model.Tokenizer) with
        {
            MaxTokens = limit > 0 ? limit : int.MaxValue,
            TopLogprobs = alternatives > 0 ? alternatives : null,
        };
        // llama-server puts "prompt" right before the gap.
        var (prompt, truncated) = Fit(model, prefix + fields.Text("prompt"), suffix ?? "", ReadFiles(fields), options.MaxTokens);
        return new(prompt, options, fields.Flag("stream"), fields.Flag("return_tokens"), truncated);
    }

    static List<(string Name, string Text)> ReadFiles(Fields fields)
    {
        var items = fields.Array("input_extra");
        if (items.Count > MaxFiles)
            throw ApiException.Invalid("input_extra", $"Invalid 'input_extra': {items.Count} files, at most {MaxFiles} are taken.", "array_above_max_length");
        var files = new List<(string, string)>(items.Count);
        foreach (var item in items)
        {
            var path = $"input_extra[{files.Count}]";
            var file = item.ValueKind == System.Text.Json.JsonValueKind.Object ? new Fields(item, path) : throw ApiException.WrongType(path, "an object", Fields.Describe(item));
            files.Add((file.Text("filename") ?? "tmp", file.Text("text") ?? throw ApiException.Missing($"{path}.text")));
        }
        return files;
    }

    /// <summary>
    /// Editors send whole files and expect the server to keep what matters: other files go first, then the text furthest from the gap;
    /// three quarters of what is left go to the text before it. A quarter of the context, at most, stays free for the answer.
    /// </summary>
    static (int[] Prompt, bool Truncated) Fit(LoadedModel model, string prefix, string suffix, List<(string Name, string Text)> files, int maxTokens)
    {
        var context = model.ContextLength;
        var room = context - Math.Min(maxTokens, context / 4);
        var prompt = InfillPrompt.Build(model, prefix, suffix, files);
        var truncated = false;
        while (prompt.Length > room)
        {
            truncated = true;
            if (files.Count > 0)
                files.RemoveAt(0);
            else
            {
                // Characters a token vary, so keep as many as fit by this text's own rate and look again.
                var keep = (int)((prefix.Length + suffix.Length) * 0.95 * room / prompt.Length);
                if (keep < 8)
                    break;
                var before = Math.Min(prefix.Length, Math.Max(keep * 3 / 4, keep - suffix.Length));
                prefix = prefix[^before..];
                suffix = suffix[..Math.Min(suffix.Length, keep - before)];
            }
            prompt = InfillPrompt.Build(model, prefix, suffix, files);
        }
        return (prompt, truncated);
    }
}
