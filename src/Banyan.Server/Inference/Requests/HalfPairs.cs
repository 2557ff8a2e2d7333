using System.Text.Json;

namespace Banyan.Server.Inference.Requests;

/// <summary>Finds strings and names in JSON that are no text: an escape like <c>\ud83d</c> without its other half.</summary>
static class HalfPairs
{
    /// <summary>Whether there is one, in valid JSON.</summary>
    public static bool AreIn(ReadOnlySpan<byte> json)
    {
        while (json.IndexOf((byte)'\\') is var at and >= 0)
        {
            var kind = Kind(json = json[at..]);
            if (kind < 0 || (kind > 0 && Kind(json[6..]) >= 0))
                return true;
            json = json[(kind > 0 ? 12 : 2)..];
        }
        return false;
    }

    /// <summary>1 where an escape of the first half of a pair begins, -1 for one of the second, else 0.</summary>
    static int Kind(ReadOnlySpan<byte> text) =>
        text.Length < 6 || text[0] != '\\' || text[1] != 'u' || (text[2] | 0x20) != 'd' ? 0
        : (text[3] | 0x20) is '8' or '9' or 'a' or 'b' ? 1
        : (text[3] | 0x20) is >= 'c' and <= 'f' ? -1 : 0;

    /// <summary>The path of the first such string, or of the object with such a name; null if there is none.</summary>
    public static string? Find(JsonElement element, string path = "")
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return IsText(element) ? null : path;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                    if (Find(item, $"{path}[{index++}]") is { } found)
                        return found;
                return null;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                    if (NameOf(property) is not { } name)
                        return path.Length == 0 ? "(a name)" : path;
                    else if (Find(property.Value, path.Length == 0 ? name : $"{path}.{name}") is { } found)
                        return found;
                return null;
            default:
                return null;
        }
    }

    static bool IsText(JsonElement element)
    {
        try
        {
            _ = element.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    static string? NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
