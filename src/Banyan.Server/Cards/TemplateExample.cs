using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Templates;

namespace Banyan.Server.Cards;

/// <summary>A chat template with an example conversation that it rendered.</summary>
/// <param name="Source">The Jinja source.</param>
/// <param name="Rendered">The conversation as the model reads it, as much as is shown; null where it cannot be rendered.</param>
/// <param name="Problem">Why it cannot be rendered, in English.</param>
public sealed record TemplateExample(string Source, string? Rendered, string? Problem)
{
    /// <summary>The suffix of the text key that names the kind of problem.</summary>
    public string Kind { get; private init; } = "";

    const int MaxShown = 20_000;

    // A few milliseconds: real templates need a hundredth of it for four short messages.
    static readonly TemplateLimits s_limits = new() { Steps = 100_000, OutputCharacters = 100_000, AllocatedBytes = 8 << 20 };

    static readonly (string Role, string Content)[] s_conversation =
    [
        ("system", "You answer in one sentence."), ("user", "What is a banyan?"), ("assistant", "A fig tree whose branches grow roots."),
        ("user", "Where does it grow?"),
    ];

    /// <summary>Renders the example; without its system message where the template takes none.</summary>
    /// <param name="source">The Jinja source.</param>
    /// <param name="tokens">What <c>bos_token</c>, <c>eos_token</c> and the like stand for, where that is known.</param>
    /// <param name="now">The time that the template may ask for.</param>
    internal static TemplateExample Of(string source, IReadOnlyDictionary<string, string> tokens, DateTimeOffset now)
    {
        try
        {
            var template = ChatTemplate.Parse(source);
            try
            {
                return new(Short(source), Short(template.Render(Variables(s_conversation, tokens), now, s_limits)), null);
            }
            catch (TemplateException e) when (e.Kind != "LimitError")
            {
                return new(Short(source), Short(template.Render(Variables(s_conversation[1..], tokens), now, s_limits)), null);
            }
        }
        catch (TemplateException e)
        {
            return new(Short(source), null, e.Message.Length > 500 ? e.Message[..500] + "…" : e.Message)
            {
                Kind = e.Kind switch
                {
                    "TemplateSyntaxError" => "syntax",
                    "TemplateError" => "refuses",
                    "LimitError" => "limit",
                    _ => "error"
                },
            };
        }
    }

    /// <summary>
    /// The template of a <c>tokenizer_config.json</c> (the default one, of several) and its tokens; null where there is none.
    /// </summary>
    internal static (string? Source, IReadOnlyDictionary<string, string> Tokens) Read(byte[]? config)
    {
        var tokens = new Dictionary<string, string>();
        if (config is null)
            return (null, tokens);
        try
        {
            using var json = JsonDocument.Parse(config, new JsonDocumentOptions { MaxDepth = 32 });
            foreach (var name in (string[])["bos_token", "eos_token", "unk_token", "pad_token"])
                if (json.RootElement.TryGetProperty(name, out var token)
                    && Text(token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content : token)
                    is { Length: <= 200 } text)
                    tokens[name] = text;
            if (!json.RootElement.TryGetProperty("chat_template", out var template))
                return (null, tokens);
            if (template.ValueKind != JsonValueKind.Array)
                return (Text(template), tokens);
            var several = template.EnumerateArray()
                .Where(t => t.ValueKind == JsonValueKind.Object && t.TryGetProperty("template", out _)).ToArray();
            var chosen = several.FirstOrDefault(t => t.TryGetProperty("name", out var name) && Text(name) == "default",
                several.FirstOrDefault());
            return (chosen.ValueKind == JsonValueKind.Object ? Text(chosen.GetProperty("template")) : null, tokens);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return (null, tokens);
        }
    }

    static JsonObject Variables((string Role, string Content)[] messages, IReadOnlyDictionary<string, string> tokens)
    {
        var variables = new JsonObject
        {
            ["messages"] = new JsonArray([.. messages.Select(m => new JsonObject { ["role"] = m.Role, ["content"] = m.Content })]),
            ["add_generation_prompt"] = true,
            ["bos_token"] = "‹bos_token›",
            ["eos_token"] = "‹eos_token›",
        };
        foreach (var (name, text) in tokens)
            variables[name] = text;
        return variables;
    }

    static string? Text(JsonElement json) => json.ValueKind == JsonValueKind.String ? json.GetString() : null;

    static string Short(string text) => text.Length > MaxShown ? text[..MaxShown] + "…" : text;
}
