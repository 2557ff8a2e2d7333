using System.Text.RegularExpressions;

namespace Banyan.Sprout.Tokens;

/// <summary>Cuts text into the pieces inside which merges may happen: Qwen2.5's expression (Qwen2.5 tokenizer.json, "pre_tokenizer").</summary>
internal static partial class PreTokenizer
{
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [GeneratedRegex(Pattern, RegexOptions.CultureInvariant)]
    public static partial Regex Expression();

    public static Regex.ValueMatchEnumerator Pieces(ReadOnlySpan<char> text) => Expression().EnumerateMatches(text);
}
