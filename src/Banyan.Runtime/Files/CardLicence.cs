using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files;

/// <summary>The licence that a folder's model card states.</summary>
internal static partial class CardLicence
{
    const int LargestCard = 1 << 20;

    /// <summary>The <c>license</c> of README.md's front matter; empty if there is none.</summary>
    public static string Of(string folder)
    {
        var card = new FileInfo(Path.Combine(folder, "README.md"));
        if (!card.Exists || card.Length > LargestCard)
            return "";
        var front = FrontMatter().Match(File.ReadAllText(card.FullName));
        return front.Success && Licences().Match(front.Groups[1].Value) is { Success: true } line
            ? line.Groups[1].Value.Trim(' ', '"', '\'') : "";
    }

    [GeneratedRegex(@"\A---\r?\n(.*?)\r?\n---", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex FrontMatter();

    [GeneratedRegex(@"^license:[ \t]*(\S.*?)\r?$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Licences();
}
