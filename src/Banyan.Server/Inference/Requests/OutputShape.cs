using System.Runtime.InteropServices;
using System.Text.Json;
using Banyan.Runtime.Generation.Grammars;

namespace Banyan.Server.Inference.Requests;

/// <summary>The required form of an answer, under the names that clients use: OpenAI's <c>response_format</c>, llama-server's
/// <c>grammar</c> and <c>json_schema</c>, vLLM's <c>structured_outputs</c> and <c>guided_…</c>. A shape that cannot be enforced exactly is
/// refused.</summary>
static class OutputShape
{
    const int MostChoices = 4096;

    static readonly GrammarCache s_cache = new();

    /// <summary>The grammar that is asked for; null for any text.</summary>
    /// <exception cref="ApiException">It cannot be enforced, or several are asked for.</exception>
    public static Grammar? Read(Fields fields)
    {
        var asked = new List<(string Param, Func<Grammar> Make)>();
        if (fields.Object("response_format") is { } format)
            ReadFormat(format, asked);
        Add("json_schema", value => Schema(value, "json_schema"));
        Add("guided_json", value => Schema(value, "guided_json"));
        Add("grammar", value => Text("grammar", value, "gbnf", Grammar.Gbnf));
        Add("guided_grammar", value => Text("guided_grammar", value, "gbnf", Grammar.Gbnf));
        Add("guided_regex", value => Text("guided_regex", value, "regex", Grammar.Regex));
        Add("guided_choice", value => Choice("guided_choice", value));
        if (fields.Object("structured_outputs") is { } outputs)
        {
            Add("json", value => Schema(value, "structured_outputs.json"), outputs);
            Add("regex", value => Text("structured_outputs.regex", value, "regex", Grammar.Regex), outputs);
            Add("grammar", value => Text("structured_outputs.grammar", value, "gbnf", Grammar.Gbnf), outputs);
            Add("choice", value => Choice("structured_outputs.choice", value), outputs);
            if (outputs.Flag("json_object"))
                asked.Add(("structured_outputs.json_object", JsonObject));
            if (outputs.Any("structural_tag") is not null)
                throw ApiException.Unsupported("structured_outputs.structural_tag",
                    "'structural_tag' is not supported: use tools, or a grammar.");
        }
        return asked.Count switch
        {
            0 => null,
            1 => Make(asked[0].Param, asked[0].Make),
            _ => throw ApiException.Invalid(asked[1].Param,
                $"'{asked[0].Param}' and '{asked[1].Param}' both say what the answer must look like: send one of them."),
        };

        void Add(string name, Func<JsonElement, Grammar> make, Fields? of = null)
        {
            var owner = of ?? fields;
            if (owner.Any(name) is { } value && !(value.ValueKind == JsonValueKind.String && value.GetString() == ""))
                asked.Add((owner.Path(name), () => make(value)));
        }
    }

    /// <summary>The grammar of a schema, from the cache where it was asked for before.</summary>
    /// <exception cref="ApiException">It cannot be enforced; the message names the field and the keyword's path.</exception>
    public static Grammar OfSchema(JsonElement schema, string param) => Make(param, () => Schema(schema, param));

    /// <summary>Any JSON object.</summary>
    public static Grammar JsonObject() => s_cache.Get("object", Grammar.JsonObject);

    /// <summary>Refuses a grammar of Lark's that cannot be enforced.</summary>
    public static void CheckLark(string grammar, string param) =>
        Make(param, () => s_cache.Get("lark " + grammar, () => Grammar.Lark(grammar)));

    /// <summary>Makes a grammar, or says what is wrong with it.</summary>
    public static T Make<T>(string param, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (GrammarException e)
        {
            throw ApiException.Invalid(param, $"Invalid '{param}': {e.Message}.", "unsupported_schema");
        }
        catch (JsonException e)
        {
            throw ApiException.Invalid(param, $"Invalid '{param}': {e.Message}", "invalid_json");
        }
    }

    static void ReadFormat(Fields format, List<(string, Func<Grammar>)> asked)
    {
        switch (format.Text("type"))
        {
            case null:
                throw ApiException.Missing("response_format.type");
            case "text":
                break;
            // llama-server takes a schema here as well.
            case "json_object" when format.Any("schema") is { } schema:
                asked.Add(("response_format.schema", () => Schema(schema, "response_format.schema")));
                break;
            case "json_object":
                asked.Add(("response_format", JsonObject));
                break;
            case "json_schema":
                var named = format.Object("json_schema");
                var given = named is null ? format.Any("schema") : named.Value.Any("schema");
                const string param = "response_format.json_schema.schema";
                var wanted = given ?? throw ApiException.Missing(param);
                asked.Add((param, () => Schema(wanted, param)));
                break;
            case var other:
                throw ApiException.Unsupported("response_format.type",
                    $"'response_format.type' can be \"text\", \"json_object\" or \"json_schema\", not \"{(other.Length > 40 ? other[..40] : other)}\".");
        }
    }

    static Grammar Schema(JsonElement value, string param)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            var text = Fields.ReadText(value, param);
            return s_cache.Get("schema " + text, () => Grammar.JsonSchema(text));
        }
        return value.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False
            ? s_cache.Get("schema " + System.Text.Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(value)),
                () => Grammar.JsonSchema(value))
            : throw ApiException.WrongType(param, "a JSON Schema", Fields.Describe(value));
    }

    static Grammar Text(string param, JsonElement value, string kind, Func<string, Grammar> make) => value.ValueKind == JsonValueKind.String
        ? Fields.ReadText(value, param) is var text ? s_cache.Get($"{kind} {text}", () => make(text)) : null!
        : throw ApiException.WrongType(param, "a string", Fields.Describe(value));

    static Grammar Choice(string param, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw ApiException.WrongType(param, "an array of strings", Fields.Describe(value));
        if (value.GetArrayLength() > MostChoices)
            throw ApiException.Invalid(param, $"Invalid '{param}': {value.GetArrayLength()} choices, at most {MostChoices} are taken.");
        var texts = value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? Fields.ReadText(item, param)
            : throw ApiException.WrongType(param, "an array of strings", $"an array with {Fields.Describe(item)}")).ToList();
        return Grammar.Choice(texts);
    }
}
