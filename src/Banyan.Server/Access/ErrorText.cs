using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Banyan.Server.Access;

/// <summary>An error message in English, with its values kept separate from its words: programs read <see cref="ToString"/>, and a page
/// shows it in the visitor's language (<see cref="Pages.Languages.PageLanguage.Tell"/>), whose file has the translation under its
/// <see cref="Template"/>. An interpolated string converts to it.</summary>
[InterpolatedStringHandler]
public sealed class ErrorText
{
    readonly StringBuilder _template;
    readonly List<object?> _values;

    /// <summary>Called by the compiler for an interpolated string.</summary>
    public ErrorText(int literalLength, int formattedCount) =>
        (_template, _values) = (new(literalLength + (3 * formattedCount)), new(formattedCount));

    /// <summary>The words, with <c>{0}</c>, <c>{1}</c> and so on where values stand.</summary>
    public string Template => _template.ToString();

    /// <summary>The values: texts, or further error messages.</summary>
    internal IReadOnlyList<object?> Values => _values;

    /// <summary>Words.</summary>
    public void AppendLiteral(string value) => _template.Append(value);

    /// <summary>A value.</summary>
    public void AppendFormatted<T>(T value, string? format = null)
    {
        _template.Append(CultureInfo.InvariantCulture, $"{{{_values.Count}}}");
        _values.Add(value is ErrorText ? value : format is null ? Convert.ToString(value, CultureInfo.InvariantCulture)
            : string.Format(CultureInfo.InvariantCulture, $"{{0:{format}}}", value));
    }

    /// <summary>Words without values.</summary>
    public static implicit operator ErrorText(string text)
    {
        var made = new ErrorText(text.Length, 0);
        made.AppendLiteral(text);
        return made;
    }

    /// <summary>In English.</summary>
    public override string ToString() => Fill(Template, v => $"{v}");

    /// <summary>Another language's words with these values.</summary>
    /// <param name="template">The words, with <c>{0}</c> and so on.</param>
    /// <param name="say">A value's text.</param>
    internal string Fill(string template, Func<object?, string> say)
    {
        // In one pass: what a value says is never taken for a place of another. What is written by a stranger may have braces too, so only
        // these are places.
        var said = new StringBuilder(template.Length);
        for (var at = 0; at < template.Length;)
        {
            var close = template[at] == '{' ? template.IndexOf('}', at) : -1;
            if (close > 0 && int.TryParse(template.AsSpan(at + 1, close - at - 1), NumberStyles.None, CultureInfo.InvariantCulture,
                out var place) && place < _values.Count)
                (_, at) = (said.Append(say(_values[place])), close + 1);
            else
                said.Append(template[at++]);
        }
        return said.ToString();
    }
}

/// <summary>An exception whose message is for people: a page shows it in their language.</summary>
public abstract class ToldException(ErrorText text, Exception? inner = null) : Exception(text.ToString(), inner)
{
    /// <summary>The message.</summary>
    public ErrorText Text { get; } = text;
}
