using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Conversations;

/// <summary>
/// What a model's template says of its answers: how it writes calls and reasoning. Makes the grammar that an answer follows and the reader
/// that takes it apart; the prompt is <see cref="ChatPrompt"/>'s.
/// </summary>
public sealed class Conversation
{
    readonly Tokenizer _tokenizer;
    readonly CallFormat _calls;
    readonly Thinking? _thinking;

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its template.</param>
    public Conversation(Tokenizer tokenizer, ChatTemplate template)
    {
        (_tokenizer, _calls, _thinking) = (tokenizer, CallFormats.Of(template.Source), Thinking.Of(template.Source));
        VisibleTokens = Marks.Where(m => tokenizer.TryFind(m, out var id) && tokenizer.IsSpecial(id)).Select(m => tokenizer.TryFind(m, out var id) ? id : -1).ToHashSet();
        CanCall = template.Source.Contains("tools", StringComparison.Ordinal);
    }

    /// <summary>The name of the format in which it writes calls.</summary>
    public string CallFormat => _calls.Name;

    /// <summary>Whether its template shows tools to the model.</summary>
    public bool CanCall { get; }

    /// <summary>Whether it writes reasoning before its answers.</summary>
    public bool CanReason => _thinking is not null;

    /// <summary>Control tokens that tell calls and reasoning from text: they have to be part of the answer.</summary>
    public IReadOnlySet<int> VisibleTokens { get; }

    IReadOnlyList<string> Marks => [.. _calls.Marks, .. _thinking?.Marks ?? []];

    /// <summary>The token that begins reasoning; null where it is none, or several.</summary>
    public int? ReasoningToken => _thinking is not null && _tokenizer.TryFind(_thinking.Open.Trim(), out var id) && _tokenizer.IsSpecial(id) ? id : null;

    /// <summary>Where a prompt leaves reasoning: its template may have begun it, or written it as empty.</summary>
    public ReasoningState ReasoningAfter(IReadOnlyList<int> prompt)
    {
        if (_thinking is null)
            return ReasoningState.Possible;
        // A token may be a byte.
        var most = _thinking.Open.Length + _thinking.Close.Length + 8;
        var end = string.Concat(prompt.Skip(Math.Max(0, prompt.Count - most)).Select(_tokenizer.Text)).TrimEnd();
        return end.EndsWith(_thinking.Open.TrimEnd(), StringComparison.Ordinal) ? ReasoningState.Begun
            : end.EndsWith(_thinking.Close, StringComparison.Ordinal) ? ReasoningState.Over : ReasoningState.Possible;
    }

    /// <summary>A prompt that ends within reasoning, with an end to that: for templates that cannot leave it out.</summary>
    public int[] EndReasoning(IReadOnlyList<int> prompt)
    {
        var count = prompt.Count;
        while (count > 0 && !_tokenizer.IsSpecial(prompt[count - 1]) && string.IsNullOrWhiteSpace(_tokenizer.Text(prompt[count - 1])))
            count--;
        return [.. prompt.Take(count), .. _tokenizer.EncodeNext($"\n\n{_thinking!.Close.Trim()}\n\n", parseSpecial: true)];
    }

    /// <summary>Counts the tokens of reasoning.</summary>
    /// <param name="begun">Whether the prompt ended within it.</param>
    public ReasoningMeter Meter(bool begun) => new(_thinking, begun);

    /// <summary>What ends reasoning in the midst of it, and leads to the answer.</summary>
    /// <param name="shaped">Whether a grammar says what comes next; it then writes the beginning of the answer itself.</param>
    internal string ReasoningEnd(bool shaped) => _thinking!.BeforeText.Length == 0 ? $"\n{_thinking.Close.Trim()}\n\n"
        : _thinking.Close + (shaped ? "<|start|>assistant" : _thinking.BeforeText);

    internal int[] EncodeNext(string text) => _tokenizer.EncodeNext(text, parseSpecial: true);

    /// <summary>Takes an answer apart.</summary>
    /// <param name="tools">The tools that were offered; calls are looked for where there are any.</param>
    /// <param name="reasons">Whether the prompt ended within reasoning.</param>
    public AnswerReader Read(IReadOnlyList<Tool> tools, bool reasons) => new(tools.Count > 0 ? _calls : null, _thinking, tools, reasons);

    /// <summary>What an answer must look like; null where it can be anything.</summary>
    /// <param name="tools">The tools.</param>
    /// <param name="use">Whether they are called.</param>
    /// <param name="several">Whether more than one call can be in an answer.</param>
    /// <param name="shape">What the text must look like; null for anything.</param>
    /// <param name="reasoning">Where the prompt left reasoning: the shape begins after it.</param>
    /// <exception cref="GrammarException">A strict tool's schema cannot be enforced.</exception>
    public Grammar? Shape(IReadOnlyList<Tool> tools, ToolUse use, bool several, Grammar? shape, ReasoningState reasoning)
    {
        if (use == ToolUse.None)
            tools = [];
        if (tools.Count == 0 && (shape is null || _thinking is null || (reasoning == ReasoningState.Over && _thinking.BeforeText.Length == 0)))
            return shape;
        // Bare JSON that begins like a call may be an answer: it is constrained only where a call is asked for.
        if (use == ToolUse.Auto && shape is null && _calls.Opens.Any(o => o.StartsWith('{')))
            return null;
        return new Grammar(parts =>
        {
            var writer = new AnswerWriter(parts, _tokenizer, Marks);
            var end = FixedState.End;
            State body;
            if (tools.Count == 0)
                body = Shaped(shape!, parts, writer);
            else
            {
                var calls = _calls.Write(writer, tools, several, end);
                body = use == ToolUse.Required ? calls
                    : shape is not null ? new FixedState(false, Edge.Nothing(calls), Edge.Nothing(Shaped(shape, parts, writer)))
                    : Free(writer, calls);
            }
            return new FixedRule(Reason(writer, parts.Table, body, reasoning));
        });
    }

    State Shaped(Grammar shape, GrammarParts parts, AnswerWriter writer) =>
        writer.Text(_thinking?.BeforeText.Replace("<|start|>assistant", "", StringComparison.Ordinal) ?? "", new FixedState(false, Edge.Of(shape.Source(parts), FixedState.End)));

    // Text without a mark, and perhaps calls after it.
    State Free(AnswerWriter writer, State calls)
    {
        var after = new FixedState(true, Edge.Nothing(calls));
        var text = writer.Without(_calls.Opens);
        return _thinking is { BeforeText.Length: > 0 }
            ? new FixedState(false, Edge.Nothing(calls), Edge.Nothing(writer.Text("<|channel|>final<|message|>", new FixedState(false, Edge.Of(text, FixedState.End)))))
            : new FixedState(true, Edge.Of(text, after));
    }

    State Reason(AnswerWriter writer, RegexTable table, State body, ReasoningState reasoning)
    {
        if (_thinking is null || reasoning == ReasoningState.Over)
            return body;
        var then = _thinking.BeforeText.Length > 0 ? writer.Text("<|start|>assistant", body)
            : new FixedState(false, Edge.Of(table.Loop(table.Literal("\n"), 0, 2), body));
        var inside = writer.Until(_thinking.Close, then);
        return reasoning == ReasoningState.Begun ? inside : new FixedState(false, Edge.Nothing(writer.Text(_thinking.Open, inside)), Edge.Nothing(body));
    }
}
