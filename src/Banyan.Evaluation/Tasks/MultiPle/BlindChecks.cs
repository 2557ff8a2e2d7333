using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>A check of a test: what the program computes, the comparison, and the expected value.</summary>
/// <param name="Actual">An expression with the program's function.</param>
/// <param name="Expected">What it must be, as written in the test.</param>
/// <param name="Compare">The comparison of two expressions.</param>
sealed record Check(string Actual, string Expected, Func<string, string, string> Compare)
{
    /// <summary>Alternative values; null to derive some from the text of the expected one.</summary>
    public IReadOnlyList<string>? Others { get; init; }
}

/// <summary>
/// Tests whose checks do not reveal the right value. Each compares with several values, one of them the expected one, in an order drawn for
/// this run; the program reports for each whether it is equal, and only the judge, outside, knows which one must be. Whatever a program
/// does to its own process, to assertions or to equality, it does not know which to report. It passes only by computing the right value or
/// by guessing.
/// </summary>
sealed partial class BlindChecks
{
    /// <summary>
    /// The number of combinations over all checks: a guess is right once in this many times, unless there are too few values.
    /// </summary>
    const int Bits = 12, MostChoices = 16;

    readonly List<bool> _expected = [];

    BlindChecks(string number) => Number = number;

    /// <summary>A number drawn for this run; every report begins with it.</summary>
    public string Number { get; }

    /// <summary>The tests, reporting.</summary>
    public string Tests { get; private set; } = "";

    /// <summary>Whether there is anything to guess wrong.</summary>
    public bool Tell { get; private set; }

    /// <summary>Rewrites tests line by line; a line that is not a check is kept.</summary>
    /// <param name="tests">The tests.</param>
    /// <param name="read">Reads a line.</param>
    /// <param name="write">Writes the report of a check: the check, and for each of its values the value and the two texts to print where
    /// it is equal, or not.</param>
    public static BlindChecks Of(string tests, Func<string, Check?> read,
        Func<int, Check, IReadOnlyList<(string Value, string Yes, string No)>, string> write) =>
        Of([.. tests.Split('\n').Select(line => (line, read(line)))], write);

    /// <summary>Rewrites tests given as pieces on lines of their own; one that is not a check is kept.</summary>
    /// <param name="pieces">The pieces, in the order in which they are run.</param>
    /// <param name="write">As above.</param>
    public static BlindChecks Of(IReadOnlyList<(string Text, Check? Check)> pieces,
        Func<int, Check, IReadOnlyList<(string Value, string Yes, string No)>, string> write)
    {
        var blind = new BlindChecks(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        var count = pieces.Count(p => p.Check is not null);
        var choices = count == 0 ? 0 : (int)Math.Clamp(Math.Ceiling(Math.Pow(2, Bits / (double)count)), 3, MostChoices);
        var made = new StringBuilder();
        foreach (var (index, (text, found)) in pieces.Index())
        {
            if (found is not { } check)
            {
                made.Append(text).Append('\n');
                continue;
            }
            string[] values = [check.Expected, .. check.Others?.Take(choices - 1) ?? Others(check.Expected, choices - 1)];
            RandomNumberGenerator.Shuffle<string>(values);
            blind.Tell |= values.Length > 1;
            made.Append(write(index, check, [.. values.Select(value =>
            {
                var name = $"{blind.Number}:{blind._expected.Count}:";
                blind._expected.Add(value == check.Expected);
                return (value, name + "1", name + "0");
            })])).Append('\n');
        }
        blind.Tests = made.ToString().TrimEnd('\n');
        return blind;
    }

    /// <summary>Verifies a program's output: every report once, each as expected, and the number alone at the end.</summary>
    public Verdict Judge(string output)
    {
        var reports = Report().Matches(output).Where(m => m.Groups[1].Value == Number)
            .Select(m => (Index: int.Parse(m.Groups[2].ValueSpan, CultureInfo.InvariantCulture), Equal: m.Groups[3].Value == "1")).ToList();
        for (var i = 0; i < reports.Count && i < _expected.Count; i++)
            if (reports[i].Index != i)
                return Verdict.Wrong("reports other checks than it was given");
            else if (reports[i].Equal && !_expected[i])
                return reports.Take(_expected.Count).All(r => r.Equal) ? Verdict.Wrong("passes checks that are false")
                    : Verdict.Wrong("wrong answer");
            else if (!reports[i].Equal && _expected[i])
                return Verdict.Wrong("wrong answer");
        return reports.Count == _expected.Count && output.TrimEnd().EndsWith(Number, StringComparison.Ordinal) ? Verdict.Right
            : Verdict.Wrong("ended before its tests");
    }

    /// <summary>Values of the same kind and shape that differ from a given one: none if nothing in it can be changed.</summary>
    static IEnumerable<string> Others(string expected, int count)
    {
        if (Boolean().Match(expected) is { Success: true } truth && !InString(expected, truth.Index))
            return [Replace(expected, truth, truth.Value is "true" ? "false" : truth.Value is "false" ? "true"
                : truth.Value is "True" ? "False" : "True")];
        if (Number_().Matches(expected).FirstOrDefault(m => !InString(expected, m.Index)) is { } number)
        {
            // A window of numbers that holds it anywhere.
            var (value, from) = (long.Parse(number.ValueSpan, CultureInfo.InvariantCulture), RandomNumberGenerator.GetInt32(count + 1));
            from = (int)Math.Min(from, value); // a sign may stand before it
            return Enumerable.Range(0, count + 1).Select(i => value - from + i).Where(v => v != value).Take(count)
                .Select(v => Replace(expected, number, v.ToString(CultureInfo.InvariantCulture)));
        }
        if (FirstInString(expected) is { } letter)
        {
            var others = (char.IsAsciiDigit(expected[letter]) ? "0123456789"
                : "abcdefghijklmnopqrstuvwxyz").Where(c => char.ToLowerInvariant(expected[letter]) != c).ToArray();
            RandomNumberGenerator.Shuffle<char>(others);
            return others.Take(count)
                .Select(c =>
                    $"{expected[..letter]}{(char.IsUpper(expected[letter]) ? char.ToUpperInvariant(c) : c)}{expected[(letter + 1)..]}");
        }
        return EmptyString().Match(expected) is { Success: true } empty
            ? "abcdefgh".Take(count).Select(c => $"{expected[..(empty.Index + 1)]}{c}{expected[(empty.Index + 1)..]}") : [];
    }

    static string Replace(string text, Match match, string by) => text[..match.Index] + by + text[(match.Index + match.Length)..];

    static bool InString(string text, int at) => Strings().Matches(text).Any(s => s.Index < at && at < s.Index + s.Length);

    /// <summary>A letter or digit in a string that is not part of an escape.</summary>
    static int? FirstInString(string text)
    {
        foreach (Match s in Strings().Matches(text))
            for (var i = s.Index + 1; i < s.Index + s.Length - 1; i++)
                if (text[i] == '\\')
                    break;
                else if (char.IsAsciiLetterOrDigit(text[i]))
                    return i;
        return null;
    }

    /// <summary>The position after the bracket that closes the first one from a position on; null if none does.</summary>
    public static int? EndOfCall(string text, int from)
    {
        var depth = 0;
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] is '"' or '\'' or '`')
            {
                var quote = text[i];
                for (i++; i < text.Length && text[i] != quote; i++)
                    if (text[i] == '\\')
                        i++;
            }
            else if (text[i] is '(' or '[' or '{')
                depth++;
            else if (text[i] is ')' or ']' or '}' && --depth == 0)
                return i + 1;
        }
        return null;
    }

    /// <summary>A line <c>HEAD actual MIDDLE expected TAIL</c>, where <c>actual</c> ends with a call's bracket.</summary>
    public static (string Actual, string Middle, string Expected)? Split(string line, string head, string tail, params string[] middles)
    {
        var text = line.Trim();
        if (!text.StartsWith(head, StringComparison.Ordinal) || !text.EndsWith(tail, StringComparison.Ordinal))
            return null;
        text = text[head.Length..^tail.Length];
        if (text.IndexOf('(') is not (>= 0 and var open) || EndOfCall(text, open) is not { } end)
            return null;
        foreach (var middle in middles)
            if (text[end..].StartsWith(middle, StringComparison.Ordinal))
                return (text[..end], middle, text[(end + middle.Length)..]);
        return null;
    }

    [GeneratedRegex("^([0-9a-f]{32}):([0-9]{1,6}):([01])\r?$", RegexOptions.Multiline)]
    private static partial Regex Report();

    [GeneratedRegex(@"\b(true|false|True|False)\b")]
    private static partial Regex Boolean();

    [GeneratedRegex(@"(?<![\w.])[0-9]{1,8}")]
    private static partial Regex Number_();

    [GeneratedRegex(@"""(\\.|[^""\\])*""|'(\\.|[^'\\])*'")]
    private static partial Regex Strings();

    [GeneratedRegex(@"""""|''")]
    private static partial Regex EmptyString();
}
