using System.Text.Json.Nodes;

namespace Banyan.Training.Data.Shapes;

/// <summary>Two answers: texts after a prompt, messages after a prompt of messages or a text, or two whole conversations with the same
/// beginning (Anthropic HH, UltraFeedback).</summary>
static class Preference
{
    public static PreferenceExample Read(JsonObject record)
    {
        var (chosen, rejected) = (Answer(record["chosen"]), Answer(record["rejected"]));
        var pair = (chosen, rejected, Prompt(record)) switch
        {
            (JsonArray a, JsonArray b, JsonArray prompt) => Two(prompt, Behind(prompt, a), Behind(prompt, b), record),
            (JsonArray a, JsonArray b, null) => Two(Common(a, b), a, b, record),
            (JsonArray a, JsonArray b, JsonValue prompt) when Conversation.Text(prompt) is { } text =>
                Two(Ask(text), Behind(Ask(text), a), Behind(Ask(text), b), record),
            (JsonValue a, JsonValue b, JsonArray prompt) when Conversation.Text(a) is { } good && Conversation.Text(b) is { } bad =>
                Two(prompt, [RecordShape.Message("assistant", good)], [RecordShape.Message("assistant", bad)], record),
            (JsonValue a, JsonValue b, null or JsonValue) when Conversation.Text(a) is { } good && Conversation.Text(b) is { } bad =>
                Texts(record, good, bad),
            _ => throw new RecordException(
                $"its 'chosen' is {Conversation.Describe(record["chosen"])}, its 'rejected' {Conversation.Describe(record["rejected"])}: two texts or two lists of messages are needed"),
        };
        return Same(pair) ? throw new RecordException("its chosen and its rejected answer are the same") : pair;
    }

    static bool Same(PreferenceExample pair) => pair switch
    {
        (CompletionExample a, CompletionExample b) => a == b,
        (ChatExample a, ChatExample b) => JsonNode.DeepEquals(a.Messages, b.Messages),
        _ => false,
    };

    // One message, as ShareGPT's kind has it, is a list of one.
    static JsonNode? Answer(JsonNode? answer) => answer switch
    {
        JsonObject one => new JsonArray(ShareGpt.Message(one, 1)),
        JsonArray list => new JsonArray([.. list.Select((m, i) => m is JsonObject o ? ShareGpt.Message(o, i + 1) : m?.DeepClone())]),
        _ => answer,
    };

    static JsonNode? Prompt(JsonObject record) => record["prompt"] ?? record["question"] ?? Answer(record["conversations"]);

    static JsonArray Ask(string text) => [RecordShape.Message("user", text)];

    // Some sets repeat the prompt in front of each answer.
    static JsonArray Behind(JsonArray prompt, JsonArray answer)
    {
        if (answer.Count <= prompt.Count || !prompt.Zip(answer).All(p => JsonNode.DeepEquals(p.First, p.Second)))
            return answer;
        return [.. answer.Skip(prompt.Count).Select(m => m?.DeepClone())];
    }

    static JsonArray Common(JsonArray a, JsonArray b)
    {
        var common = a.Zip(b).TakeWhile(p => JsonNode.DeepEquals(p.First, p.Second)).Count();
        return [.. a.Take(common).Select(m => m?.DeepClone())];
    }

    static PreferenceExample Two(JsonArray prompt, JsonArray a, JsonArray b, JsonObject record)
    {
        var tools = RecordShape.Tools(record["tools"]);
        return new(RecordShape.Chat(prompt, Behind(prompt, a), tools), RecordShape.Chat(prompt, Behind(prompt, b), tools));
    }

    // Without a prompt the common beginning is one (Anthropic HH).
    static PreferenceExample Texts(JsonObject record, string good, string bad)
    {
        var prompt = Conversation.Text(Prompt(record));
        if (prompt is null)
        {
            var length = good.AsSpan().CommonPrefixLength(bad);
            length = good.AsSpan(0, length).LastIndexOf('\n') + 1;
            (prompt, good, bad) = (good[..length], good[length..], bad[length..]);
        }
        return new(RecordShape.Plain(prompt, good), RecordShape.Plain(prompt, bad));
    }
}
