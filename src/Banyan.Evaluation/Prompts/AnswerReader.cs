using System.Text.RegularExpressions;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// Extracts the code from a model's answer by parsing: fences as Markdown defines them, the program by its language. Never by cutting at
/// stop strings.
/// </summary>
static partial class AnswerReader
{
    /// <summary>The part of an answer to judge, given the form of its prompt.</summary>
    public static RecordedAnswer Read(ItemPrompt item, string form, string id, string answer)
    {
        var text = AnswerText.WithoutThought(answer);
        return form switch
        {
            PromptLadder.Infill => Gap(item, id, text),
            PromptLadder.Completion => Continued(item, id, item.Asked == Asked.Expression ? Line(text) : text),
            _ => Written(item, form, id, text),
        };
    }

    /// <summary>A continuation of the bare code.</summary>
    static RecordedAnswer Continued(ItemPrompt item, string id, string text)
    {
        if (item.Asked == Asked.Expression)
            return new(id, text, Whole: false);
        return item.Language switch
        {
            "python" when item.Entry is { } entry && PythonProgram.Extract(item.Code + text, entry, first: true) is { } program =>
                new(id, program, Whole: true),
            "python" => new(id, item.Code + text, Whole: true),
            "csharp" => new(id, item.Code + text, Whole: true) { Balanced = true },
            "bash" => Bash(id, item.Code + text),
            _ => Braces(item, id, item.Code + text, item.Code.Length),
        };
    }

    /// <summary>
    /// A message, or a continued page: the last fenced block that defines the requested function, whatever other blocks show (its use, a
    /// shell, output); else the last that names it; else all of them; without fences, the text.
    /// </summary>
    static RecordedAnswer Written(ItemPrompt item, string form, string id, string text)
    {
        // The fence of a page, or of the vendor's beginning of an answer, is already open.
        if (form == PromptLadder.Fenced
            || (form == PromptLadder.Vendor && !text.TrimStart().StartsWith("```", StringComparison.Ordinal) && !HasFence().IsMatch(text)))
            text = $"```{item.Language}\n{text}";
        var blocks = Blocks(item, text);
        if (item.Asked == Asked.Gap)
            return Gap(item, id, blocks.Count > 0 ? blocks[^1] : text, fromBlock: true);
        if (item.Asked == Asked.Expression)
            return new(id, Expression(blocks.Count > 0 ? blocks[^1] : text), Whole: false);
        var code = Program(item, blocks, text);
        switch (item.Language)
        {
            case "python":
                var defined = item.Entry is null || PythonProgram.Defines(code, item.Entry);
                // Imports and helpers that the prompt gave need not be repeated; a block that is only the body goes on with the prompt.
                var program = defined ? Given(item) + code : item.Code + code;
                return new(id, item.Entry is { } name ? PythonProgram.Extract(program, name, first: false)
                    ?? program : program, Whole: true);
            case "csharp":
                return new(id, item.Entry is { } method ? CSharpProblem.Extract(code, method) ?? item.Code + code : code,
                    Whole: true)
                { Balanced = true };
            case "bash":
                return Bash(id, item.Entry is { } function && code.Contains(function, StringComparison.Ordinal) ? code : item.Code + code);
            default:
                var has = item.Entry is { } e && code.Contains(e, StringComparison.Ordinal);
                var whole = !has ? item.Code + code : item.Language == "java" ? InProblem(item, code) : code;
                return Braces(item, id, whole, has ? Math.Max(0, whole.IndexOf(item.Entry!, StringComparison.Ordinal)) : item.Code.Length);
        }
    }

    /// <summary>A text's fenced blocks; those in lists and quotations only if no other defines the requested function.</summary>
    static IReadOnlyList<string> Blocks(ItemPrompt item, string text)
    {
        List<string> plain = [.. MarkdownFences.Read(text).Select(b => b.Text)];
        if (item.Entry is { } entry ? plain.Any(b => Defines(item.Language, b, entry)) : plain.Count > 0)
            return plain;
        List<string> nested = [.. MarkdownFences.Read(text, nested: true).Select(b => b.Text)];
        if (item.Entry is not { } wanted || nested.Any(b => Defines(item.Language, b, wanted)))
            return nested;
        // Code as Markdown has it without fences, or as Python's prompt shows it; and code with a fence in a comment of its own.
        if (MarkdownFences.Indented(text).Concat(item.Language == "python" ? [.. plain.Append(text).Select(PythonSource.Session)] : [])
            .LastOrDefault(b => Defines(item.Language, b, wanted)) is { } shown)
            return [shown];
        return plain.Count == 0 || item.Language == "python" && Defines(item.Language, text, wanted)
            ? plain.Count == 0 && !Defines(item.Language, text, wanted) ? nested : [] : plain;
    }

    static string Program(ItemPrompt item, IReadOnlyList<string> blocks, string text)
    {
        if (item.Entry is { } entry)
        {
            if (blocks.LastOrDefault(b => Defines(item.Language, b, entry)) is { } defining)
                return item.Language switch
                {
                    "python" => PythonProgram.WithMissing(defining, [.. blocks.Where(b => b != defining)]),
                    "csharp" => CSharpProblem.WithMissing(defining, entry, [.. blocks.Where(b => b != defining)]),
                    _ => defining,
                };
            if (blocks.LastOrDefault(b => Regex.IsMatch(b, $@"\b{Regex.Escape(entry)}\b")) is { } naming)
                return naming;
        }
        return blocks.Count > 0 ? string.Join('\n', blocks) : text;
    }

    /// <summary>Whether a block defines a function rather than only calling it.</summary>
    static bool Defines(string language, string code, string entry)
    {
        var name = Regex.Escape(entry);
        return language switch
        {
            "python" => PythonProgram.Defines(code, entry),
            "csharp" => CSharpProblem.Extract(code, entry) is not null,
            "bash" => Regex.IsMatch(code, $@"(^|[\n;])\s*(function\s+{name}\b|{name}\s*\(\s*\))"),
            "php" => Regex.IsMatch(code, $@"\bfunction\s+&?{name}\s*\(", RegexOptions.IgnoreCase),
            "javascript" or "typescript" =>
                Regex.IsMatch(code,
                    $@"\bfunction\s*\*?\s*{name}\b|\b(const|let|var)\s+{name}\s*[:=]|(^|\n)\s*(exports\.|module\.exports\.)?{name}\s*="),
            _ => Regex.IsMatch(code, $@"[\w>\]&*]\s+[&*]?{name}\s*\([^;{{}}]*\)[^;{{}}()]*\{{"),
        };
    }

    /// <summary>The prompt's code before the requested function.</summary>
    static string Given(ItemPrompt item) =>
        string.Concat(PythonSource.Read(item.Code).Where(s => item.Entry is null || !s.Names.Contains(item.Entry)).Select(s => s.Text));

    static RecordedAnswer Gap(ItemPrompt item, string id, string text, bool fromBlock = false)
    {
        // A fenced block ends with a line end that the gap may not have, because the code after it begins with one.
        if (fromBlock && text.EndsWith('\n') && item.Suffix is { } suffix && suffix.StartsWith('\n'))
            text = text[..^1];
        if (item.OneLine)
        {
            var start = text.StartsWith('\n') && text.Length > 1 ? 1 : 0;
            text = text.IndexOf('\n', start) is >= 0 and var end ? text[start..(end + 1)] : text[start..] + "\n";
        }
        return new(id, text, Whole: false);
    }

    /// <summary>The requested function and its context, up to its closing brace; what follows is examples or unrelated text.</summary>
    static RecordedAnswer Braces(ItemPrompt item, string id, string program, int from)
    {
        var hash = item.Language == "php";
        // In Java the function stands in a class, which the tests close.
        var outside = item.Language == "java" ? 1 : 0;
        return BraceSource.Close(program, from, outside, hash) is { } end
            ? new(id, program[..end] + "\n" + (outside == 0 ? BraceSource.Needed(program[..end], program[end..], item.Entry) : ""),
                Whole: true)
            { Balanced = true }
            : new(id, program, Whole: true);
    }

    /// <summary>The Java method in the class that the tests expect, whatever class the model put it in.</summary>
    static string InProblem(ItemPrompt item, string code)
    {
        if (ProblemClass().IsMatch(code))
            return code;
        var open = item.Code.IndexOf('{', item.Code.IndexOf("class Problem", StringComparison.Ordinal));
        var (head, owner) = (item.Code[..(open + 1)], OuterClass().Match(code));
        return owner.Success ? code[..owner.Index] + "class Problem {" + code[(owner.Index + owner.Length)..] : $"{head}\n{code}";
    }

    /// <summary>A function of the shell ends with a brace at the beginning of a line.</summary>
    static RecordedAnswer Bash(string id, string program) =>
        program.IndexOf("\n}", StringComparison.Ordinal) is >= 0 and var end
        ? new(id, program[..(end + 2)] + "\n", Whole: true) { Balanced = true } : new(id, program, Whole: true);

    static string Line(string text) => text.TrimStart('\n').Split('\n')[0];

    /// <summary>The bare expression, even if the model wrote the whole assertion or a sentence around it.</summary>
    static string Expression(string text)
    {
        var lines = text.Trim().Split('\n').Where(l => l.Trim().Length > 0).ToList();
        var last = lines.Count > 1 && lines.Any(l => l.StartsWith("assert ", StringComparison.Ordinal))
            ? lines.Last(l => l.StartsWith("assert ", StringComparison.Ordinal)) : text.Trim();
        return last.StartsWith("assert ", StringComparison.Ordinal) ? last["assert ".Length..].Trim() : last;
    }

    [GeneratedRegex(@"\bclass\s+Problem\b")]
    private static partial Regex ProblemClass();

    [GeneratedRegex(@"(public\s+|final\s+)*class\s+\w+[^{]*\{")]
    private static partial Regex OuterClass();

    [GeneratedRegex(@"^ {0,3}(`{3,}|~{3,})[^`\s]+\s*$", RegexOptions.Multiline)]
    private static partial Regex HasFence();
}
