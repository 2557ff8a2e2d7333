using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Server.Files;

/// <summary>A pattern of <c>.gitattributes</c> and <c>.gitignore</c>: without a slash it means names anywhere, with one paths from the root.</summary>
static class PathPattern
{
    static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(50);

    /// <summary>The pattern as a regular expression over whole paths; null where it means nothing.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="below">Whether what lies below a match is matched as well, as an ignored folder's content is.</param>
    public static Regex? Compile(string pattern, bool below)
    {
        var folderOnly = pattern.EndsWith('/');
        pattern = pattern.TrimEnd('/');
        if (pattern.Length is 0 or > 500)
            return null;
        var anchored = pattern.Contains('/', StringComparison.Ordinal);
        pattern = pattern.TrimStart('/');
        var regex = new StringBuilder(anchored ? "^" : "^(?:.*/)?");
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when pattern.AsSpan(i).StartsWith("**/") && (i == 0 || pattern[i - 1] == '/'):
                    regex.Append("(?:.*/)?");
                    i += 2;
                    break;
                case '*' when pattern.AsSpan(i).SequenceEqual("**") && i > 0 && pattern[i - 1] == '/':
                    regex.Append(".+");
                    i++;
                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                case '[' when pattern.AsSpan(i).StartsWith("[[:space:]]"):
                    regex.Append(@"\s");
                    i += "[[:space:]]".Length - 1;
                    break;
                case '[' when pattern.IndexOf(']', i + 2) is > 0 and var end:
                    var set = pattern[(i + 1)..end];
                    regex.Append('[').Append(set[0] is '!' or '^' ? "^/" + Escape(set[1..]) : Escape(set)).Append(']');
                    i = end;
                    break;
                case '\\' when i + 1 < pattern.Length:
                    regex.Append(Regex.Escape(pattern[++i].ToString()));
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[i].ToString()));
                    break;
            }
        }
        regex.Append(!below ? "$" : folderOnly ? "/.*$" : "(?:/.*)?$");
        try
        {
            return new Regex(regex.ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, s_patience);
        }
        catch (ArgumentException)
        {
            return null;   // a set whose range runs backwards
        }
    }

    static string Escape(string set) => set.Replace("\\", @"\\", StringComparison.Ordinal).Replace("[", @"\[", StringComparison.Ordinal).Replace("^", @"\^", StringComparison.Ordinal);
}
