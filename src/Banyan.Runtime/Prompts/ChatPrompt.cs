using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Prompts;

/// <summary>
/// Prompts for chat: the model's own template makes text of the messages, its tokenizer ids of the text. Special tokens come from the
/// template alone: <c>&lt;|im_end|&gt;</c> in a message, a tool or a variable is text, so that nobody who is quoted in a conversation
/// can end a turn or begin one of the system's.
/// </summary>
internal static class ChatPrompt
{
    // Noncharacters: Unicode keeps them out of text for such purposes.
    const char FirstMark = '\uFDD0', LastMark = '\uFDEF';

    /// <summary>
    /// The text of a conversation, and the character that tells its special tokens from quoted text: see <see cref="Prepare"/>.
    /// </summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">The template.</param>
    /// <param name="variables">What it sees: messages, tools, add_generation_prompt and anything else. They are changed.</param>
    /// <param name="now">What it takes for the present time.</param>
    /// <exception cref="TemplateException">The template refuses these messages.</exception>
    public static (string Text, char Mark) Render(Tokenizer tokenizer, ChatTemplate template, JsonObject variables, DateTimeOffset now)
    {
        var mark = Prepare(tokenizer, template, variables);
        return (template.Render(variables, now), mark);
    }

    /// <summary>
    /// The ids of such a text; a model must start from something, so of none they are the token that begins or ends a text.
    /// </summary>
    /// <exception cref="ContextLengthException">There are more than <paramref name="maxTokens"/>.</exception>
    public static int[] Encode(Tokenizer tokenizer, string text, char mark, int maxTokens) =>
        !tokenizer.TryEncodeMarked(text, mark, maxTokens, out var ids) ? throw ContextLengthException.MoreThan(maxTokens)
        : ids.Length > 0 ? ids
        : (tokenizer.Bos ?? tokenizer.Eos) is { } start ? [start]
        : throw new GenerationException("the template makes nothing of these messages, and the model has no token that begins a text");

    // The template writes the special tokens itself, a first one included.
    static void Complete(Tokenizer tokenizer, ChatTemplate template, JsonObject variables)
    {
        if (variables["messages"] is JsonArray messages
            && messages.Any(m => m is JsonObject o && o["tool_calls"] is JsonArray { Count: > 0 }))
            template.Calls.Apply(messages);
        variables["bos_token"] = tokenizer.Bos is { } bos ? tokenizer.Text(bos) : "";
        variables["eos_token"] = tokenizer.Eos is { } eos ? tokenizer.Text(eos) : "";
    }

    /// <summary>
    /// Makes variables ready for a template, in place, so that special tokens in what they rendered to come from the template alone:
    /// the result is the character with which <see cref="Tokenizer.EncodeMarked"/> tells them from text.
    /// </summary>
    public static char Prepare(Tokenizer tokenizer, ChatTemplate template, JsonObject variables)
    {
        variables.Remove("bos_token");
        variables.Remove("eos_token");
        var mark = FreeMark(variables);
        Mark(tokenizer, variables, mark, keepThoughts: false);
        Complete(tokenizer, template, variables);
        return mark;
    }

    // Where a stranger used them all, the last one is taken out of his text too.
    static char FreeMark(JsonNode variables)
    {
        var mark = FirstMark;
        while (mark < LastMark && Strings(variables).Any(text => text.Contains(mark)))
            mark++;
        return mark;
    }

    static IEnumerable<string> Strings(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(pair => Strings(pair.Value).Prepend(pair.Key)),
        JsonArray a => a.SelectMany(Strings),
        JsonValue value => TextOf(value) is { } text ? [text] : [],
        _ => [],
    };

    // Half a surrogate pair is refused by the template's reader, with a message of its own.
    static string? TextOf(JsonValue value)
    {
        try
        {
            return value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    static JsonNode? Mark(Tokenizer tokenizer, JsonNode? node, char mark, bool keepThoughts)
    {
        switch (node)
        {
            case JsonObject o:
                var isAnswer = keepThoughts || (o["role"] is JsonValue role && TextOf(role) == "assistant");
                for (var i = 0; i < o.Count; i++)
                {
                    var (key, value) = o.GetAt(i);
                    if (Mark(tokenizer, value, mark, isAnswer) is var marked && !ReferenceEquals(marked, value))
                        o.SetAt(i, marked);
                    if (tokenizer.Marked(key, mark, isAnswer) is var name && name != key && !o.ContainsKey(name))
                    {
                        value = o[key];
                        o.RemoveAt(i);
                        o.Insert(i, name, value);
                    }
                }
                return o;
            case JsonArray a:
                for (var i = 0; i < a.Count; i++)
                    if (Mark(tokenizer, a[i], mark, keepThoughts) is var marked && !ReferenceEquals(marked, a[i]))
                        a[i] = marked;
                return a;
            case JsonValue value when TextOf(value) is { } text:
                var changed = tokenizer.Marked(text, mark, keepThoughts);
                return ReferenceEquals(changed, text) ? node : JsonValue.Create(changed);
            default:
                return node;
        }
    }
}
