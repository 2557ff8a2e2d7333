using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>Texts that came already and must not come again: names of properties, items of an array.</summary>
internal sealed class UsedTexts
{
    /// <summary>More are not followed: nothing more can come then.</summary>
    const int Most = 2048;

    readonly RegexTable _table;
    readonly Dictionary<string, UsedTexts> _next = new(StringComparer.Ordinal);

    UsedTexts(RegexTable table, Regex language, int count) => (_table, Language, Count) = (table, language, count);

    /// <summary>The texts.</summary>
    public Regex Language { get; }

    public int Count { get; }

    public static UsedTexts None(RegexTable table) => new(table, table.Nothing, 0);

    /// <summary>With one more.</summary>
    public UsedTexts With(string text)
    {
        if (!_next.TryGetValue(text, out var next))
            _next[text] = next = new UsedTexts(_table,
                Count < Most ? _table.Union(Language, _table.Literal(text)) : _table.Anything, Count + 1);
        return next;
    }

    /// <summary>Lists the texts of a language; false if there are more than so many, or long ones.</summary>
    public static bool Collect(RegexTable table, Regex language, HashSet<string> texts, int most) =>
        Collect(table, language, [], texts, most);

    static bool Collect(RegexTable table, Regex language, List<byte> begun, HashSet<string> texts, int most)
    {
        if (language.Nullable)
            texts.Add(System.Text.Encoding.UTF8.GetString([.. begun]));
        if (texts.Count > most || begun.Count > 256)
            return false;
        for (var value = 0; value < 256; value++)
        {
            var next = table.Next(language, (byte)value);
            if (next == table.Nothing || !table.Lives(next))
                continue;
            begun.Add((byte)value);
            if (!Collect(table, next, begun, texts, most))
                return false;
            begun.RemoveAt(begun.Count - 1);
        }
        return true;
    }
}
