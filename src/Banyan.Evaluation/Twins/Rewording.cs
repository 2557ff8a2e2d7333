using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Twins;

/// <summary>
/// Rewording: phrases that frame a problem's statement (what to write, what is given, what is returned) are replaced by synonyms. Only
/// whole words of prose are replaced, never code, quoted text or examples. The choice is derived from the item's id.
/// </summary>
static partial class Rewording
{
    /// <summary>
    /// Phrases, the longer first, and what may stand for them. Every pair means the same wherever the phrase may stand in a statement.
    /// </summary>
    static readonly (string Phrase, string[] Others)[] s_phrases =
    [
        ("write a python function to", ["implement a Python function whose purpose is to", "in Python, define a function to"]),
        ("write a function to that", ["implement a function that should"]),
        ("write a function to", ["implement a function whose purpose is to", "define a function to"]),
        ("write a function that", ["implement a function that", "define a function that"]),
        ("write a function which", ["implement a function which", "define a function which"]),
        ("write a function", ["implement a function", "define a function"]),
        ("create a function that", ["implement a function that", "define a function that"]),
        ("create a function which", ["implement a function which", "define a function which"]),
        ("create a function", ["implement a function", "define a function"]),
        ("your task is to", ["what you have to do is to", "the goal here is to"]),
        ("your goal is to", ["your task is to", "what is wanted is to"]),
        ("you will be given", ["you are going to receive", "what you get is"]),
        ("you are given", ["you receive", "what you get is"]),
        ("you have to", ["you must", "you need to"]),
        ("you need to", ["you have to", "you must"]),
        ("you should", ["you are to", "you are expected to"]),
        ("the function should", ["the function is expected to", "the function has to"]),
        ("check whether", ["determine whether", "tell whether"]),
        ("checks whether", ["determines whether", "tells whether"]),
        ("check if", ["determine whether", "tell whether"]),
        ("checks if", ["determines whether", "tells whether"]),
        ("for example", ["for instance", "as an example"]),
        ("input to this function is", ["this function receives", "what this function gets is"]),
        ("returns", ["gives back", "yields as its result"]),
        ("return", ["give back"]),
        ("given a", ["for a given"]),
        ("given an", ["for a given"]),
        ("otherwise", ["in any other case", "else"]),
        ("in order to", ["to"]),
        ("contains", ["holds", "has in it"]),
        ("as input", ["as its input"]),
        ("note that", ["bear in mind that", "mind that"]),
        ("the number of", ["the count of"]),
    ];

    /// <summary>Changes when any of the phrases does.</summary>
    public static string Version { get; } = string.Join('\n', s_phrases.Select(p => $"{p.Phrase}={string.Join('|', p.Others)}"));

    /// <summary>A text with its prose reworded at the given places, and whether anything changed.</summary>
    public static (string Text, bool Changed) Apply(string text, IReadOnlyList<(int Start, int End)> prose, string seed)
    {
        var made = new StringBuilder();
        var (at, changed) = (0, false);
        foreach (var (start, end) in prose.Where(p => p.Start < text.Length).OrderBy(p => p.Start))
        {
            var piece = text[start..Math.Min(end, text.Length)];
            made.Append(text, at, start - at);
            at = start + piece.Length;
            // A line that shows code is left as it is.
            var other = Shows().IsMatch(piece) ? piece : s_all.Replace(piece, match => Other(match.Value, seed) ?? match.Value);
            changed |= other != piece;
            made.Append(other);
        }
        return (made.Append(text, at, text.Length - at).ToString(), changed);
    }

    static string? Other(string phrase, string seed)
    {
        if (phrase[0] is '"' or '\'')
            return null;
        var (known, others) = s_phrases.First(p => p.Phrase == Space().Replace(phrase, " ").ToLowerInvariant());
        if (known.StartsWith("given ", StringComparison.Ordinal) && !char.IsUpper(phrase[0]))
            return null; // "Given a list, …", not "is given a list"
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}\0{known}"));
        var other = others[hash[0] % others.Length];
        return char.IsUpper(phrase[0]) ? char.ToUpperInvariant(other[0]) + other[1..] : other;
    }

    /// <summary>Quoted text, which is passed over, or a phrase; "return value" is a noun.</summary>
    static readonly Regex s_all = new(
        $"""
        "[^"\n]*"|(?<!\w)'[^'\n]*'|(?<![\w`])(?:{string.Join('|', s_phrases.Select(p => p.Phrase.Replace(" ", "[ ]+", StringComparison.Ordinal)))})(?![\w`(]|[ ](?:value|type|statement)s?\b)
        """, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    [GeneratedRegex(@"[ ]+")]
    private static partial Regex Space();

    [GeneratedRegex(@"==|=>|->|>>>|➞|\w\(")]
    private static partial Regex Shows();
}
