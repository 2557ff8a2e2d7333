using System.Text.Json.Nodes;

namespace Banyan.Server.Gating;

/// <summary>A question of a gated repository's owner to users who request access.</summary>
/// <param name="Name">The question, which is the name of its answer too.</param>
/// <param name="Kind">How it is answered: <c>text</c>, <c>checkbox</c>, <c>date</c> or <c>select</c>.</param>
/// <param name="Options">What can be chosen.</param>
public sealed record GateQuestion(string Name, string Kind, IReadOnlyList<string> Options);

/// <summary>The text and fields of a gated repository's card for users who request access, in the form of Hugging Face's cards:
/// <c>extra_gated_heading</c>, <c>extra_gated_prompt</c>, <c>extra_gated_fields</c>.</summary>
public sealed record GateForm(string? Heading, string? Prompt, IReadOnlyList<GateQuestion> Questions)
{
    const int MaxQuestions = 30, MaxOptions = 300, MaxText = 20_000, MaxName = 256;

    /// <summary>What the names of its fields begin with.</summary>
    public const string Field = "answer:";

    /// <summary>Reads a card's header.</summary>
    internal static GateForm Of(JsonObject? card) => new(Text(card?["extra_gated_heading"], MaxName),
        Text(card?["extra_gated_prompt"], MaxText), card?["extra_gated_fields"] is not JsonObject fields ? []
            : [.. fields.Where(f => f.Key.Length is > 0 and <= MaxName).Take(MaxQuestions).Select(f => QuestionOf(f.Key, f.Value))]);

    static GateQuestion QuestionOf(string name, JsonNode? answer)
    {
        var kind = Text(answer is JsonObject map ? map["type"] : answer, MaxName);
        string[] options = answer is JsonObject { } chosen && chosen["options"] is JsonArray list
            ? [.. list.Select(o => Text(o is JsonObject one ? one["value"] ?? one["label"] : o, MaxName)).OfType<string>().Take(MaxOptions)]
            : [];
        return new(name, kind switch
        {
            "checkbox" => "checkbox",
            "date_picker" => "date",
            "select" when options.Length > 0 => "select",
            _ => "text"
        }, options);
    }

    static string? Text(JsonNode? json, int most) =>
        json is JsonValue value && value.TryGetValue<string>(out var text) && text.Trim() is { Length: > 0 } said
            ? said.Length > most ? said[..most] : said : null;
}
