using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Banyan.Runtime.Templates;

/// <summary>
/// A model's chat template: a Jinja program that turns messages into the prompt the model was trained on. It is run as transformers
/// runs it (Jinja2's immutable sandbox, trim_blocks, lstrip_blocks, loop controls), byte for byte, and within
/// <see cref="TemplateLimits"/>. Parse it once; rendering is safe on several threads.
/// </summary>
public sealed partial class ChatTemplate
{
    internal static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Statement[] _body;
    readonly Lazy<CallForm> _calls;

    ChatTemplate(string source, Statement[] body)
    {
        (Source, _body) = (source, body);
        _calls = new(() => CallForm.Of(this));
    }

    /// <summary>How it wants messages that call tools; found out when it is first needed.</summary>
    internal CallForm Calls => _calls.Value;

    /// <summary>The Jinja source.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateException">A syntax error, with line and column; or a template too long or nested too deeply.</exception>
    public static ChatTemplate Parse(string jinja) => new(jinja, Parser.Parse(jinja));

    /// <summary>
    /// JSON as variables for a template. Of a key given twice the last counts, as in Python and JavaScript, and half a surrogate pair
    /// reads as U+FFFD; <see cref="JsonNode.Parse(string, JsonNodeOptions?, JsonDocumentOptions)"/> fails for both when it is looked at.
    /// </summary>
    public static JsonNode? ReadVariables(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var o = new JsonObject();
                foreach (var property in json.EnumerateObject())
                    o[NameOf(property)] = ReadVariables(property.Value);
                return o;
            case JsonValueKind.Array:
                return new JsonArray([.. json.EnumerateArray().Select(ReadVariables)]);
            case JsonValueKind.String:
                return JsonValue.Create(TextOf(json));
            case JsonValueKind.Null or JsonValueKind.Undefined:
                return null;
            default:
                return JsonValue.Create(json.Clone());
        }
    }

    static string TextOf(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Whole(text.GetRawText());
        }
    }

    static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return Whole($"\"{Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(property))}\"");
        }
    }

    // A string as JSON writes it, its halves of pairs replaced. Two escapes that are a pair stay one.
    static string Whole(string raw) => JsonSerializer.Deserialize<string>(HalfPair().Replace(raw, m => m.Length == 6 ? "\\ufffd" : m.Value))!;

    // The first alternative passes over a backslash that stands for itself.
    [GeneratedRegex(@"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")]
    private static partial Regex HalfPair();

    /// <summary>Renders the prompt.</summary>
    /// <param name="variables">What the template sees: messages, tools, add_generation_prompt, bos_token, eos_token and anything else.</param>
    /// <param name="now">What <c>strftime_now</c> sees.</param>
    /// <param name="limits">What it may use at most; <see cref="TemplateLimits.Default"/> if null.</param>
    /// <exception cref="TemplateException">The template called raise_exception, did what Python or the sandbox forbids, or reached a limit.</exception>
    public string Render(JsonObject variables, DateTimeOffset now, TemplateLimits? limits = null) => Render(variables, now, limits, out _);

    internal string Render(JsonObject variables, DateTimeOffset now, TemplateLimits? limits, out Render r)
    {
        var values = new Dictionary<string, Value>(variables.Count);
        foreach (var (name, value) in variables)
            values[name] = JsonInput.Convert(value);
        r = new Render(limits ?? TemplateLimits.Default, values, now);
        try
        {
            Statement.ExecuteAll(_body, r);
            return r.Output;
        }
        catch (TemplateException e)
        {
            e.Line ??= r.Line;
            throw;
        }
    }
}
