using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Parsing;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates;

/// <summary>
/// A model's chat template: a Jinja program that turns messages into the prompt format the model was trained on. Its output equals, byte
/// for byte, that of transformers (Jinja2's immutable sandbox, trim_blocks, lstrip_blocks, loop controls), and each rendering is bounded
/// by <see cref="TemplateLimits"/>. Parse it once; rendering is thread-safe.
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

    /// <summary>The form it expects for messages that call tools; determined on first use.</summary>
    internal CallForm Calls => _calls.Value;

    /// <summary>The Jinja source.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateException">
    /// A syntax error, with line and column, or a template that is too long or nested too deeply.
    /// </exception>
    public static ChatTemplate Parse(string jinja) => new(jinja, Parser.Parse(jinja));

    /// <summary>
    /// Parses JSON as variables for a template. If a key is given twice the last one counts, as in Python and JavaScript, and half a
    /// surrogate pair reads as U+FFFD; <see cref="JsonNode.Parse(string, JsonNodeOptions?, JsonDocumentOptions)"/> fails for both when
    /// the value is accessed.
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

    // A string in JSON notation with lone surrogates replaced. Two escapes that form a pair are kept.
    static string Whole(string raw) => (string)JsonNode.Parse(HalfPair().Replace(raw, m => m.Length == 6 ? "\\ufffd" : m.Value))!;

    // The first alternative skips an escaped backslash.
    [GeneratedRegex(@"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")]
    private static partial Regex HalfPair();

    /// <summary>Renders the prompt.</summary>
    /// <param name="variables">
    /// The variables of the template: messages, tools, add_generation_prompt, bos_token, eos_token and anything else.
    /// </param>
    /// <param name="now">The time for <c>strftime_now</c>.</param>
    /// <param name="limits">The limits of this rendering; <see cref="TemplateLimits.Default"/> if null.</param>
    /// <exception cref="TemplateException">
    /// The template called raise_exception, did something that Python or the sandbox forbids, or reached a limit.
    /// </exception>
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
