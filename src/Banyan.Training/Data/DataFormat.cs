using System.Text.Json.Nodes;

namespace Banyan.Training.Data;

/// <summary>The format of a data set's records.</summary>
public enum DataFormat
{
    /// <summary>
    /// Conversations in the format of OpenAI's API: <c>{"messages": [{"role": "user", "content": "…"}, …], "tools": […]}</c>.
    /// </summary>
    Chat,

    /// <summary>Conversations in ShareGPT's format: <c>{"conversations": [{"from": "human", "value": "…"}, …]}</c>.</summary>
    ShareGpt,

    /// <summary>Instructions in Alpaca's format: <c>{"instruction": "…", "input": "…", "output": "…"}</c>.</summary>
    Alpaca,

    /// <summary><c>{"prompt": …, "completion": …}</c>, both texts or both lists of messages.</summary>
    Completion,

    /// <summary>Two answers, the better one first: <c>{"prompt": …, "chosen": …, "rejected": …}</c>, texts or messages.</summary>
    Preference,

    /// <summary>Plain text: <c>{"text": "…"}</c>, or files of it.</summary>
    Text,

    /// <summary>A folder of source code.</summary>
    Source,
}

/// <summary>Recognises formats by a record's keys.</summary>
static class DataFormats
{
    /// <summary>The record's format, or null if unknown.</summary>
    public static DataFormat? Recognise(JsonObject record)
    {
        bool Has(params ReadOnlySpan<string> keys)
        {
            foreach (var key in keys)
                if (record[key] is null)
                    return false;
            return true;
        }
        return Has("chosen", "rejected") ? DataFormat.Preference
            : Has("messages") ? First(record["messages"]) is { } one && one.ContainsKey("from") ? DataFormat.ShareGpt : DataFormat.Chat
            : Has("conversations") || Has("conversation") ? DataFormat.ShareGpt
            : record.ContainsKey("instruction") && (record.ContainsKey("output") || record.ContainsKey("response")) ? DataFormat.Alpaca
            : record.ContainsKey("prompt")
            && (record.ContainsKey("completion") || record.ContainsKey("response") || record.ContainsKey("answer")) ? DataFormat.Completion
            : record.ContainsKey("text") || record.ContainsKey("content") ? DataFormat.Text
            : null;
    }

    static JsonObject? First(JsonNode? list) => (list as JsonArray)?.FirstOrDefault() as JsonObject;
}
