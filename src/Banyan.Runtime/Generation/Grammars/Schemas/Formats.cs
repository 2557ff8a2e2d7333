using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>The formats of JSON Schema as regular expressions, from the grammars of the standards that define them.</summary>
internal static class Formats
{
    const string Octet = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    const string Ipv4 = Octet + "(\\." + Octet + "){3}";
    const string Word16 = "[0-9A-Fa-f]{1,4}";
    const string Last32 = "(" + Word16 + ":" + Word16 + "|" + Ipv4 + ")";

    // RFC 3986, appendix A.
    const string Ipv6 = "((" + Word16 + ":){6}" + Last32
        + "|::(" + Word16 + ":){5}" + Last32
        + "|(" + Word16 + ")?::(" + Word16 + ":){4}" + Last32
        + "|((" + Word16 + ":){0,1}" + Word16 + ")?::(" + Word16 + ":){3}" + Last32
        + "|((" + Word16 + ":){0,2}" + Word16 + ")?::(" + Word16 + ":){2}" + Last32
        + "|((" + Word16 + ":){0,3}" + Word16 + ")?::" + Word16 + ":" + Last32
        + "|((" + Word16 + ":){0,4}" + Word16 + ")?::" + Last32
        + "|((" + Word16 + ":){0,5}" + Word16 + ")?::" + Word16
        + "|((" + Word16 + ":){0,6}" + Word16 + ")?::)";

    // RFC 3339; 29 February in years that four divides, and a hundred only with four hundred.
    const string By4 = "([02468][048]|[13579][26])";
    const string Date = "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))"
        + "|(\\d\\d(0[48]|[2468][048]|[13579][26])|" + By4 + "00)-02-29)";

    // A label of a domain, RFC 1034.
    const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    const string Atext = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]";
    const string Above = "\\u0080-\\u{10FFFF}";

    static readonly string s_time = Times();

    /// <summary>Formats that no automaton can tell, or not exactly.</summary>
    public static IReadOnlySet<string> Unsupported { get; } = new HashSet<string> { "hostname", "idn-hostname", "regex" };

    /// <summary>The strings of a format, quotes included; null for one that is not known here.</summary>
    public static Regex? Language(string format, RegexTable table, TextEncoding encoding) => Pattern(format) is not { } pattern ? null
        : PatternParser.Search(table, encoding, $"^({pattern})$", format);

    static string? Pattern(string format) => format switch
    {
        "date" => Date,
        "time" => s_time,
        "date-time" => $"{Date}[Tt]{s_time}",
        "duration" => Duration(),
        "email" => Email(Atext, "\\x20!#-\\[\\]-~", Label),
        "idn-email" =>
            Email($"[{Atext[1..^1]}{Above}]", $"\\x20!#-\\[\\]-~{Above}",
                $"[A-Za-z0-9{Above}]([A-Za-z0-9{Above}-]{{0,61}}[A-Za-z0-9{Above}])?"),
        "ipv4" => Ipv4,
        "ipv6" => Ipv6,
        "uuid" => "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        "uri" => Uri("", reference: false),
        "uri-reference" => Uri("", reference: true),
        "iri" => Uri(Ucs, reference: false),
        "iri-reference" => Uri(Ucs, reference: true),
        "uri-template" => Template(),
        "json-pointer" => "(/([^~/]|~[01])*)*",
        "relative-json-pointer" => "(0|[1-9]\\d*)(#|(/([^~/]|~[01])*)*)",
        _ => null,
    };

    // A leap second is the last one of a day in UTC; of offsets those are known that zones have: quarters of an hour.
    static string Times()
    {
        var leaps = new List<string> { "23:59:60(\\.\\d+)?[Zz]" };
        for (var offset = 0; offset < 24 * 60; offset += 15)
            foreach (var sign in (ReadOnlySpan<int>)[1, -1])
            {
                var local = (24 * 60 - 1 + sign * offset + 24 * 60) % (24 * 60);
                leaps.Add($"{local / 60:00}:{local % 60:00}:60(\\.\\d+)?{(sign > 0 ? "\\+" : "-")}{offset / 60:00}:{offset % 60:00}");
            }
        return $"(([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)|{string.Join('|', leaps)})";
    }

    // RFC 3339, appendix A.
    static string Duration()
    {
        const string minutes = "\\d+M(\\d+S)?", hours = $"\\d+H({minutes})?", time = $"T({hours}|{minutes}|\\d+S)";
        const string months = "\\d+M(\\d+D)?", years = $"\\d+Y({months})?";
        return $"P((\\d+D|{months}|{years})({time})?|{time}|\\d+W)";
    }

    // RFC 5321, section 4.1.2.
    static string Email(string atom, string quotable, string label) =>
        $"({atom}+(\\.{atom}+)*|\"([{quotable}]|\\\\[\\x20-~])*\")@({label}(\\.{label})*|\\[({Ipv4}|IPv6:{Ipv6})\\])";

    // RFC 3987: what an IRI has beside a URI's characters.
    const string Ucs =
        "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{30000}-\\u{3FFFD}\\u{40000}-\\u{4FFFD}"
        + "\\u{50000}-\\u{5FFFD}\\u{60000}-\\u{6FFFD}\\u{70000}-\\u{7FFFD}\\u{80000}-\\u{8FFFD}\\u{90000}-\\u{9FFFD}\\u{A0000}-\\u{AFFFD}\\u{B0000}-\\u{BFFFD}"
        + "\\u{C0000}-\\u{CFFFD}\\u{D0000}-\\u{DFFFD}\\u{E1000}-\\u{EFFFD}";
    const string Private = "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}";

    // RFC 3986, appendix A.
    static string Uri(string ucs, bool reference)
    {
        var unreserved = $"A-Za-z0-9._~\\-{ucs}";
        const string delimiters = "!$&'()*+,;=", percent = "%[0-9A-Fa-f]{2}";
        var pchar = $"([{unreserved}{delimiters}:@]|{percent})";
        var query = $"([{unreserved}{delimiters}:@/?{(ucs.Length > 0 ? Private : "")}]|{percent})*";
        var fragment = $"({pchar}|[/?])*";
        var userinfo = $"([{unreserved}{delimiters}:]|{percent})*";
        var host = $"(\\[({Ipv6}|[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~\\-{delimiters}:]+)\\]|([{unreserved}{delimiters}]|{percent})*)";
        var authority = $"({userinfo}@)?{host}(:\\d*)?";
        var abempty = $"(/{pchar}*)*";
        var absolute = $"/({pchar}+(/{pchar}*)*)?";
        var rest = $"(\\?{query})?(#{fragment})?";
        var whole = $"[A-Za-z][A-Za-z0-9+.\\-]*:(//{authority}{abempty}|{absolute}|{pchar}+(/{pchar}*)*|){rest}";
        if (!reference)
            return whole;
        var noColon = $"([{unreserved}{delimiters}@]|{percent})+(/{pchar}*)*";
        return $"({whole}|(//{authority}{abempty}|{absolute}|{noColon}|){rest})";
    }

    // RFC 6570, section 2.
    static string Template()
    {
        const string varchar = "([A-Za-z0-9_]|%[0-9A-Fa-f]{2})", name = $"{varchar}(\\.?{varchar})*", variable =
            $"{name}(:[1-9]\\d{{0,3}}|\\*)?";
        const string literal = $"[!#$&'()*+,\\-./0-9:;=?@A-Z\\[\\]_a-z~{Ucs}{Private}]|%[0-9A-Fa-f]{{2}}";
        return $"({literal}|\\{{[+#./;?&=,!@|]?{variable}(,{variable})*\\}})*";
    }
}
