using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates;

/// <summary>
/// The form in which a template expects a message that calls tools and has no text. OpenAI's API has null for the content and JSON in a
/// string for the arguments. Each template was written for one of several forms, and prints <c>None</c>, quoted JSON or an error for the
/// others. The forms are therefore tried once per template, with a call whose name and argument must appear in the prompt (llama.cpp does
/// the same).
/// </summary>
/// <param name="NullContent">The content is null; otherwise an empty string.</param>
/// <param name="TextArguments">The arguments are JSON in a string; otherwise an object.</param>
sealed record CallForm(bool NullContent, bool TextArguments)
{
    const string Name = "look_up", Argument = "Tromso", Question = "Which weather?";

    /// <summary>The best form for a template: the first one that prints the call correctly.</summary>
    public static CallForm Of(ChatTemplate template)
    {
        CallForm[] forms = [new(false, false), new(true, false), new(false, true), new(true, true)];
        var tried = forms.Select(form => (Form: form, Text: Try(template, form))).ToList();
        var good = tried.Where(t => IsGood(t.Text)).ToList();
        if (good.Count == 0)
            return tried.FirstOrDefault(t => t.Text is not null).Form ?? forms[0];
        // An empty string may produce an empty turn where null produces none (DeepSeek R1).
        var (first, text) = good[0];
        return good.FirstOrDefault(t => t.Form == first with { NullContent = true } && t.Text!.Length < text!.Length).Form ?? first;
    }

    /// <summary>Converts the calls of a conversation to this form, in place.</summary>
    public void Apply(JsonArray messages)
    {
        foreach (var message in messages.OfType<JsonObject>())
        {
            if (message["tool_calls"] is not JsonArray calls || calls.Count == 0)
                continue;
            if (message["content"] is not { } content || IsEmpty(content))
                message["content"] = NullContent ? null : "";
            foreach (var function in calls.OfType<JsonObject>().Select(call => call["function"]).OfType<JsonObject>())
                if (TextArguments && function["arguments"] is JsonObject arguments)
                    function["arguments"] = arguments.ToJsonString(ChatTemplate.Readable);
                else if (!TextArguments && function["arguments"] is JsonValue text && Parse(text) is { } parsed)
                    function["arguments"] = parsed;
        }
    }

    // If a model wrote invalid JSON, the template gets the text as written.
    static JsonObject? Parse(JsonValue text)
    {
        try
        {
            using var document = JsonDocument.Parse(text.GetValue<string>());
            return ChatTemplate.ReadVariables(document.RootElement) as JsonObject;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    static bool IsEmpty(JsonNode content) => content.GetValueKind() == JsonValueKind.String && content.ToJsonString() == "\"\"";

    static string? Try(ChatTemplate template, CallForm form)
    {
        var arguments = new JsonObject { ["city"] = Argument };
        var call = new JsonObject
        {
            ["id"] = "call12345", // nine letters and digits, which Mistral's templates ask for
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = Name, ["arguments"] = form.TextArguments ? arguments.ToJsonString() : arguments },
        };
        var tool = new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = Name,
                ["description"] = "",
                ["parameters"] = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() }
            },
        };
        try
        {
            var text = template.Render(new JsonObject
            {
                ["messages"] = new JsonArray(
                    new JsonObject { ["role"] = "user", ["content"] = Question },
                    new JsonObject
                    {
                        ["role"] = "assistant",
                        ["content"] = form.NullContent ? null : "",
                        ["tool_calls"] = new JsonArray(call)
                    },
                    new JsonObject { ["role"] = "tool", ["tool_call_id"] = "call12345", ["name"] = Name, ["content"] = "rain" }),
                ["tools"] = new JsonArray(tool),
                ["add_generation_prompt"] = true,
                ["bos_token"] = "",
                ["eos_token"] = "",
            }, DateTimeOffset.UnixEpoch);
            var question = text.IndexOf(Question, StringComparison.Ordinal);
            return question < 0 ? text : text[question..];
        }
        catch (TemplateException)
        {
            return null;
        }
    }

    static bool IsGood(string? text) => text is not null
        && text.Contains(Name, StringComparison.Ordinal) && text.Contains(Argument, StringComparison.Ordinal)
        && !text.Contains("None", StringComparison.Ordinal)
        && !text.Contains("{'", StringComparison.Ordinal)       // Python's way of printing an object
        && !text.Contains("\\\"", StringComparison.Ordinal);    // JSON in JSON
}
