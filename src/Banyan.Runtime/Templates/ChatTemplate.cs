using System.Text.Json.Nodes;

namespace Banyan.Runtime.Templates;

/// <summary>
/// A model's chat template: a Jinja program that turns messages into the prompt the model was trained on. It is run as transformers
/// runs it (Jinja2's immutable sandbox, trim_blocks, lstrip_blocks, loop controls), byte for byte, and within
/// <see cref="TemplateLimits"/>. Parse it once; rendering is safe on several threads.
/// </summary>
public sealed class ChatTemplate
{
    readonly Statement[] _body;

    ChatTemplate(string source, Statement[] body) => (Source, _body) = (source, body);

    /// <summary>The Jinja source.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateException">A syntax error, with line and column; or a template too long or nested too deeply.</exception>
    public static ChatTemplate Parse(string jinja) => new(jinja, Parser.Parse(jinja));

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
