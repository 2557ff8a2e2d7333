using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages.Languages;

/// <summary>A language of the pages: its texts, from the resource file of its tag.</summary>
public sealed class PageLanguage
{
    /// <summary>The cookie of a choice.</summary>
    public const string CookieName = "banyan_language";

    const int MaxHeader = 1000;

    readonly FrozenDictionary<string, string> _texts, _errors;

    PageLanguage(string tag, string name)
    {
        (Tag, Name) = (tag, name);
        _texts = Read(tag);
        _errors = tag == "en" ? FrozenDictionary<string, string>.Empty : Read($"Errors.{tag}");
    }

    static FrozenDictionary<string, string> Read(string name)
    {
        using var file = typeof(PageLanguage).Assembly.GetManifestResourceStream($"Banyan.Server.Pages.Languages.{name}.json")!;
        return JsonSerializer.Deserialize<Dictionary<string, string>>(file)!.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>All languages; the first is the default.</summary>
    public static IReadOnlyList<PageLanguage> All { get; } =
        [new("en", "English"), new("hi", "हिन्दी"), new("id", "Bahasa Indonesia"), new("pt", "Português"), new("zh", "中文")];

    /// <summary>The default language.</summary>
    public static PageLanguage English => All[0];

    /// <summary>As <c>lang</c> names it.</summary>
    public string Tag { get; }

    /// <summary>What its speakers call it.</summary>
    public string Name { get; }

    /// <summary>Where its lines begin, as <c>dir</c> names it.</summary>
    public string Direction => Tag is "ar" or "fa" or "he" or "ur" ? "rtl" : "ltr";

    /// <summary>The texts by their keys.</summary>
    internal IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>A text.</summary>
    /// <exception cref="KeyNotFoundException">The files have none of that name.</exception>
    public string this[string key] => _texts.TryGetValue(key, out var text) ? text
        : throw new KeyNotFoundException($"No text is called {key}.");

    /// <summary>A text with placeholders: <c>{name}</c> becomes a value.</summary>
    public string Say(string key, params ReadOnlySpan<(string Name, object Value)> values)
    {
        // In one pass: what a value says is never taken for a place of another.
        var (text, said) = (this[key], new System.Text.StringBuilder());
        for (var at = 0; at < text.Length;)
        {
            var open = text.IndexOf('{', at);
            if (open < 0)
                return said.Append(text, at, text.Length - at).ToString();
            var close = text.IndexOf('}', open);
            said.Append(text, at, open - at);
            foreach (var (name, value) in values)
                if (text.AsSpan(open + 1, close - open - 1).SequenceEqual(name))
                    said.Append(CultureInfo.InvariantCulture, $"{value}");
            at = close + 1;
        }
        return said.ToString();
    }

    /// <summary>An error in this language; in English if it is only for programs.</summary>
    public string Tell(ErrorText error) => error.Fill(Said(error.Template), v => v is ErrorText inner ? Tell(inner) : $"{v}");

    /// <summary>Whether there are words for it.</summary>
    public bool Tells(ErrorText error) => this == English || _errors.ContainsKey(error.Template);

    /// <summary>What errors are called here, by their English templates.</summary>
    internal IReadOnlyDictionary<string, string> Errors => _errors;

    string Said(string template) => _errors.GetValueOrDefault(template, template);

    /// <summary>What a task is called, as cards name it (<c>text-generation</c>); one that is not known as it is.</summary>
    public string Task(string task) => _texts.ContainsKey("task." + task) ? this[$"task.{task}"] : task;

    /// <summary>What a language is called that cards name by its code; null for one that is not known.</summary>
    public string? Language(string code) => _texts.ContainsKey("lang." + code) ? this[$"lang.{code}"] : null;

    /// <summary>A text about a number: <c>KEY.one</c> or <c>KEY.other</c>, with the number as <c>{count}</c>.</summary>
    public string Many(string key, long count) => Say(count == 1 ? $"{key}.one" : $"{key}.other", ("count", count));

    /// <summary>How long ago: 5 minutes ago, 3 days ago; a date where it is more than a month.</summary>
    public string Ago(DateTimeOffset at, DateTimeOffset now) => (now - at) switch
    {
        { TotalSeconds: < 60 } => this["ago.now"],
        { TotalMinutes: < 60 } t => Many("ago.minute", (int)t.TotalMinutes),
        { TotalHours: < 24 } t => Many("ago.hour", (int)t.TotalHours),
        { TotalDays: < 31 } t => Many("ago.day", (int)t.TotalDays),
        _ => at.ToString(Tag == "en" ? "d MMM yyyy" : "yyyy-MM-dd", CultureInfo.InvariantCulture),
    };

    /// <summary>The language of a tag such as <c>pt-BR</c>, or null.</summary>
    public static PageLanguage? Find(ReadOnlySpan<char> tag)
    {
        var end = tag.IndexOfAny('-', '_');
        var main = end < 0 ? tag : tag[..end];
        // ISO 639 called Indonesian so until 1989, and some systems still do.
        if (main.Equals("in", StringComparison.OrdinalIgnoreCase))
            main = "id";
        foreach (var language in All)
            if (main.Equals(language.Tag, StringComparison.OrdinalIgnoreCase))
                return language;
        return null;
    }

    /// <summary>The language of a response: the chosen one, or the first of the browser's preferences that exists.</summary>
    public static PageLanguage Of(HttpRequest request)
    {
        if (request.Cookies[CookieName] is { Length: < 20 } chosen && Find(chosen) is { } saved)
            return saved;
        var header = request.Headers.AcceptLanguage.ToString();
        var (best, weight) = (English, 0.0);
        foreach (var range in (header.Length > MaxHeader ? header[..MaxHeader] : header).Split(','))
        {
            var parts = range.Split(';', StringSplitOptions.TrimEntries);
            var q = parts.Skip(1).FirstOrDefault(p => p.StartsWith("q=", StringComparison.OrdinalIgnoreCase)) is { } said
                ? double.TryParse(said.AsSpan(2), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                ? number : 0 : 1;
            if (q > weight && q <= 1 && Find(parts[0].Trim()) is { } language)
                (best, weight) = (language, q);
        }
        return best;
    }
}
