using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Filters;

/// <summary>All filters. A new one is a row in the table of its group.</summary>
static class FilterTable
{
    static readonly Dictionary<string, NativeFunction> s_all = new(
        [.. TextFilters.Table, .. NumberFilters.Table, .. SequenceFilters.Table, .. SelectionFilters.Table, .. OrderFilters.Table,
            .. MarkupFilters.Table]);

    public static NativeFunction? Find(string name) => s_all.GetValueOrDefault(name);

    public static TemplateException Unknown(string name) => new("TemplateRuntimeError", $"No filter named {Printer.Quote(name)}.");

    /// <summary>Rows of a table: the filter's name, the parameters after its value, the body.</summary>
    public static KeyValuePair<string, NativeFunction> Row(string name, string parameters, Func<Render, Value?[], Value> body) =>
        new(name, Signature.Bind(name, "value " + parameters, body));

    /// <summary>The value as a string, which nearly all text filters use.</summary>
    public static TextValue Text(Render r, Value? value) => value as TextValue ?? r.Text(Printer.Str(r, value!));
}
