namespace Banyan.Runtime.Generation.Grammars.Lark;

/// <summary>The terminals that Lark's grammars import from <c>common</c>.</summary>
internal static class LarkCommon
{
    const string Decimal = @"(?:[0-9]+\.[0-9]*|\.[0-9]+)", Float =
        $"(?:(?:{Decimal}|[0-9]+)[eE][+-]?[0-9]+|{Decimal})", Number = $"(?:{Float}|[0-9]+)";

    /// <summary>Their expressions, by their names.</summary>
    public static IReadOnlyDictionary<string, string> Patterns { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["DIGIT"] = "[0-9]",
        ["HEXDIGIT"] = "[0-9a-fA-F]",
        ["INT"] = "[0-9]+",
        ["SIGNED_INT"] = "[+-]?[0-9]+",
        ["DECIMAL"] = Decimal,
        ["FLOAT"] = Float,
        ["SIGNED_FLOAT"] = $"[+-]?{Float}",
        ["NUMBER"] = Number,
        ["SIGNED_NUMBER"] = $"[+-]?{Number}",
        ["ESCAPED_STRING"] = @"""(?:[^""\\\n]|\\[^\n])*""",
        ["LCASE_LETTER"] = "[a-z]",
        ["UCASE_LETTER"] = "[A-Z]",
        ["LETTER"] = "[a-zA-Z]",
        ["WORD"] = "[a-zA-Z]+",
        ["CNAME"] = "[_a-zA-Z][_a-zA-Z0-9]*",
        ["WS_INLINE"] = "[ \t]+",
        ["WS"] = "[ \t\f\r\n]+",
        ["CR"] = "\r",
        ["LF"] = "\n",
        ["NEWLINE"] = "(?:\r?\n)+",
    };
}
