using Banyan.Runtime.Generation.Grammars.Automata;

namespace Banyan.Runtime.Prompts;

/// <summary>Calls whose name stands between marks, followed by arguments in JSON: Mistral, DeepSeek, Kimi, gpt-oss.</summary>
internal sealed record MarkedCalls : CallFormat
{
    /// <summary>What is written before the first.</summary>
    public string Section { get; init; } = "";

    /// <summary>A call: <c>{name}</c>, <c>{args}</c>, and <c>{id}</c> or <c>{index}</c> where the format has them.</summary>
    public required string Call { get; init; }

    /// <summary>Between two.</summary>
    public string Between { get; init; } = "";

    /// <summary>What is written after the last.</summary>
    public string SectionEnd { get; init; } = "";

    (string BeforeName, string AfterName, string AfterId, string AfterArguments, bool HasId) Parts
    {
        get
        {
            var (head, tail) = Call.Split("{args}") is [var h, var t] ? (h, t) : throw new InvalidOperationException(Name);
            var (before, after) = head.Split("{name}") is [var b, var a] ? (b, a) : throw new InvalidOperationException(Name);
            var hole = after.Contains("{id}", StringComparison.Ordinal) ? "{id}" : "{index}";
            return after.Split(hole) is [var first, var second] ? (before, first, second, tail, true) : (before, after, "", tail, false);
        }
    }

    public override int Read(string text, bool ended, IReadOnlyList<Tool> tools, out List<ToolCall> calls)
    {
        calls = [];
        var at = Skip(text, 0, Section);
        while (true)
        {
            var result = ReadOne(text, at, ended, out var call, out var next);
            if (result < 0)
                return -1;
            if (result == 0)
                break;
            calls.Add(call!);
            at = next;
            var rest = JsonScan.SkipSpace(text, at);
            var before = Parts.BeforeName.Trim();
            // Another one, the end of the section, or something else.
            if (string.CompareOrdinal(text, rest, before, 0, before.Length) == 0)
            {
                at = rest;
                continue;
            }
            if (!ended && Section.Length > 0
                && (before.StartsWith(text[rest..], StringComparison.Ordinal)
                    || SectionEnd.StartsWith(text[rest..], StringComparison.Ordinal)) && text[rest..] != SectionEnd)
                return -1;
            return SectionEnd.Length > 0 && string.CompareOrdinal(text, rest, SectionEnd, 0, SectionEnd.Length) == 0
                ? rest + SectionEnd.Length : at;
        }
        return calls.Count > 0 ? at : 0;
    }

    // 1: a call; 0: none; -1: more is needed.
    int ReadOne(string text, int at, bool ended, out ToolCall? call, out int next)
    {
        (call, next) = (null, at);
        var (beforeName, afterName, afterId, afterArguments, hasId) = Parts;
        var incomplete = ended ? 0 : -1;
        at = JsonScan.SkipSpace(text, at);
        if (string.CompareOrdinal(text, at, beforeName, 0, beforeName.Length) != 0)
            return beforeName.StartsWith(text[at..], StringComparison.Ordinal) ? incomplete : 0;
        at += beforeName.Length;
        var end = text.IndexOf(afterName, at, StringComparison.Ordinal);
        if (end < 0)
            return incomplete;
        var (name, id) = (text[at..end].Trim(), (string?)null);
        at = end + afterName.Length;
        if (hasId)
        {
            end = text.IndexOf(afterId, at, StringComparison.Ordinal);
            if (end < 0)
                return incomplete;
            id = text[at..end].Trim();
            at = end + afterId.Length;
        }
        at = JsonScan.SkipSpace(text, at);
        if (at >= text.Length)
            return incomplete;
        if (text[at] != '{')
            return 0;
        end = JsonScan.End(text, at);
        if (end < 0)
            return incomplete;
        if (name.Length == 0 || JsonScan.Parse(text[at..end]) is null)
            return 0;
        call = new ToolCall(name, text[at..end], Call.Contains("{id}", StringComparison.Ordinal) ? id
            : Call.Contains("functions.{name}:", StringComparison.Ordinal) ? $"functions.{name}:{id}" : null);
        var close = afterArguments.Trim();
        var rest = JsonScan.SkipSpace(text, end);
        if (close.Length > 0 && string.CompareOrdinal(text, rest, close, 0, close.Length) != 0)
        {
            if (!ended && close.StartsWith(text[rest..], StringComparison.Ordinal))
                return -1;
            next = end;
            return 1;
        }
        next = close.Length > 0 ? rest + close.Length : end;
        return 1;
    }

    public override (string Name, string Arguments)? Begun(string text)
    {
        var (beforeName, afterName, afterId, _, hasId) = Parts;
        var at = text.IndexOf(beforeName, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(afterName, at + beforeName.Length, StringComparison.Ordinal) is not (>= 0 and var end))
            return null;
        var name = text[(at + beforeName.Length)..end].Trim();
        at = end + afterName.Length;
        if (hasId)
        {
            at = text.IndexOf(afterId, at, StringComparison.Ordinal);
            if (at < 0)
                return null;
            at += afterId.Length;
        }
        at = JsonScan.SkipSpace(text, at);
        if (at >= text.Length || text[at] != '{')
            return null;
        var last = JsonScan.End(text, at);
        return (name, last < 0 ? text[at..] : text[at..last]);
    }

    public override State Write(AnswerWriter writer, IReadOnlyList<Tool> tools, bool several, State to)
    {
        var (beforeName, afterName, afterId, afterArguments, hasId) = Parts;
        return writer.Text(Section, writer.Repeat(several && IsParallel, Between, SectionEnd, tools, to, (tool, next) =>
        {
            var arguments = writer.Arguments(tool, writer.Text(afterArguments, next));
            return writer.Text($"{beforeName}{tool.Name}{afterName}",
                !hasId ? arguments : Call.Contains("{id}", StringComparison.Ordinal) ? writer.Id(writer.Text(afterId, arguments))
                    : writer.Number(writer.Text(afterId, arguments)));
        }));
    }

    static int Skip(string text, int at, string literal) =>
        literal.Length > 0 && string.CompareOrdinal(text, at, literal.Trim(), 0, literal.Trim().Length) == 0
        ? at + literal.Trim().Length : at;
}
