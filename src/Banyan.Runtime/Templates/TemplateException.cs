using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates;

/// <summary>
/// A template that cannot be parsed or rendered. <see cref="Exception.Message"/> is what Jinja2 prints, <c>Kind: detail</c>,
/// e.g. <c>TemplateError: System role not supported</c>.
/// </summary>
public sealed class TemplateException : Exception
{
    /// <param name="kind">See <see cref="Kind"/>.</param>
    /// <param name="detail">See <see cref="Detail"/>.</param>
    /// <param name="line">See <see cref="Line"/>.</param>
    /// <param name="column">See <see cref="Column"/>.</param>
    public TemplateException(string kind, string detail, int? line = null, int? column = null)
        : base($"{kind}: {detail}") => (Kind, Detail, Line, Column) = (kind, detail, line, column);

    /// <summary>
    /// The class of error by its Python name: <c>TemplateSyntaxError</c>, <c>TemplateError</c> (the template called
    /// raise_exception), <c>UndefinedError</c>, <c>SecurityError</c>, <c>TypeError</c>, …; or <c>LimitError</c>, Banyan's own.
    /// </summary>
    public string Kind { get; }

    /// <summary>The message without the kind.</summary>
    public string Detail { get; }

    /// <summary>Line of the template, from 1, if known.</summary>
    public int? Line { get; internal set; }

    /// <summary>Column in that line, from 1; only for syntax errors.</summary>
    public int? Column { get; }

    internal static TemplateException Type(string detail) => new("TypeError", detail);

    internal static TemplateException Value(string detail) => new("ValueError", detail);

    internal static TemplateException Limit(string limit, long value) =>
        new("LimitError", $"the template exceeds the limit {limit} = {value}");
}
