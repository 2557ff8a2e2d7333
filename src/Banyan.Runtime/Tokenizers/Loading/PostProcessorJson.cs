using System.Text.Json;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>tokenizer.json's post_processor: the tokens around a text.</summary>
static class PostProcessorJson
{
    public static (List<int> Before, List<int> After) Read(string path, JsonElement root, IReadOnlyDictionary<string, int> named)
    {
        List<int> before = [], after = [];
        if (root.Field("post_processor") is { } processor)
            Read(path, processor, named, before, after);
        return (before, after);
    }

    static void Read(string path, JsonElement processor, IReadOnlyDictionary<string, int> named, List<int> before, List<int> after)
    {
        switch (processor.Text("type", path) ?? "missing")
        {
            case "Sequence":
                foreach (var item in processor.Items("processors", path))
                    Read(path, item, named, before, after);
                break;
            case "ByteLevel":
                break; // concerns offsets, not ids
            case "TemplateProcessing":
                var seenText = false;
                foreach (var item in processor.Items("single", path))
                {
                    if (item.Field("Sequence") is not null)
                        seenText = true;
                    else if (item.Field("SpecialToken")?.Text("id", path) is { } token)
                        (seenText ? after : before).Add(named.TryGetValue(token, out var id) ? id
                            : throw new ModelFileException(path,
                                $"post_processor names '{token}', which is no added token; the file is damaged"));
                }
                break;
            case "BertProcessing" or "RobertaProcessing":
                before.Add(Of("cls"));
                after.Add(Of("sep"));
                break;

                // ["<s>", 0]
                int Of(string key) => processor.Field(key) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
                    && pair[0].ValueKind == JsonValueKind.String && named.TryGetValue(pair[0].GetString()!, out var id)
                    ? id
                    : throw new ModelFileException(path, $"post_processor has no '{key}' among the added tokens; the file is damaged");
            case var type:
                throw TokenizerJson.Unsupported(path, "post_processor", type,
                    "Sequence, ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing");
        }
    }
}
