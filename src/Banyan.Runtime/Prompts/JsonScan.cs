using System.Text.Json;

namespace Banyan.Runtime.Prompts;

/// <summary>Finds where JSON ends in a text that is not complete.</summary>
internal static class JsonScan
{
    /// <summary>Where the object or array that begins at a place ends; -1 where it does not yet.</summary>
    public static int End(string text, int start)
    {
        var (depth, inString) = (0, false);
        for (var at = start; at < text.Length; at++)
            switch (text[at])
            {
                case '\\' when inString:
                    at++;
                    break;
                case '"':
                    inString = !inString;
                    break;
                case '{' or '[' when !inString:
                    depth++;
                    break;
                case '}' or ']' when !inString:
                    if (--depth == 0)
                        return at + 1;
                    break;
            }
        return -1;
    }

    public static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
        return at;
    }

    /// <summary>Parses; null if it is none.</summary>
    public static JsonElement? Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
