using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Prompts;

/// <summary>
/// Conversations with a model: its template and tokenizer turn messages and tools into tokens, and the template's conventions for calls and
/// reasoning split the answer again. Create one per model and keep it; it is thread-safe.
/// <code>
/// messages, tools ─→ template ─→ text ─→ end of reasoning, beginning of the answer ─→ tokens ─┐
///                    tools, use, shape, reasoning ─→ grammar ─────────────────────────────────┴→ Turn ─→ TurnAnswer: text, reasoning, calls
/// </code>
/// </summary>
public sealed class Conversation
{
    // Added to a logit, it leaves a token no chance.
    const float Forbidden = -1000;

    readonly Tokenizer _tokenizer;
    readonly ChatTemplate _template;
    readonly CallFormat _calls;
    readonly Thinking? _thinking;
    readonly GrammarCache _grammars = new();

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its template, or another.</param>
    public Conversation(Tokenizer tokenizer, ChatTemplate template)
    {
        (_tokenizer, _template, _calls, _thinking) = (tokenizer, template, CallFormats.Of(template.Source), Thinking.Of(template.Source));
        VisibleTokens = Marks.Where(m => tokenizer.TryFind(m, out var id) && tokenizer.IsSpecial(id))
            .Select(m => tokenizer.TryFind(m, out var id) ? id : -1).ToHashSet();
        CanCall = template.Source.Contains("tools", StringComparison.Ordinal);
    }

    /// <summary>Conversations with a model by its own template.</summary>
    /// <exception cref="GenerationException">It has none.</exception>
    public static Conversation With(Model model) => new(model.Tokenizer, model.Template ?? throw new GenerationException(
        $"{model.Name} has no chat template: it completes text, it was not made for conversation. Use a completion, or an instruct model"));

    /// <summary>The name of the format in which it writes calls.</summary>
    public string CallFormat => _calls.Name;

    /// <summary>Whether its template shows tools to the model.</summary>
    public bool CanCall { get; }

    /// <summary>Whether it writes reasoning before its answers.</summary>
    public bool CanReason => _thinking is not null;

    /// <summary>Control tokens that tell calls and reasoning from text: they have to be part of the answer.</summary>
    internal IReadOnlySet<int> VisibleTokens { get; }

    IReadOnlyList<string> Marks => [.. _calls.Marks, .. _thinking?.Marks ?? []];

    // The token that begins reasoning; null where it is none, or several.
    int? ReasoningToken => _thinking is not null && _tokenizer.TryFind(_thinking.Open.Trim(), out var id)
        && _tokenizer.IsSpecial(id) ? id : null;

    /// <summary>Makes the prompt of the next turn, and the grammar that tools and shape ask for.</summary>
    /// <param name="request">The turn.</param>
    /// <param name="now">The template's current time; default: the clock.</param>
    /// <param name="maxTokens">The longest useful prompt, in tokens.</param>
    /// <exception cref="TemplateException">The template refuses these messages.</exception>
    /// <exception cref="ContextLengthException">The prompt has more than <paramref name="maxTokens"/> tokens.</exception>
    /// <exception cref="GrammarException">A strict tool's schema cannot be enforced.</exception>
    /// <exception cref="ArgumentException">The request gives the beginning of the answer, and also forces a call or a shape.</exception>
    public Turn Prepare(TurnRequest request, DateTimeOffset? now = null, int maxTokens = int.MaxValue)
    {
        if (request.Prefill.Length > 0 && (request.Options.Grammar is not null || request.Use == ToolUse.Required))
            throw new ArgumentException("an answer that is begun cannot be forced into a shape or a call: leave one of them out",
                nameof(request));
        var (text, mark) = ChatPrompt.Render(_tokenizer, _template, Variables(request), now ?? DateTimeOffset.Now);
        var (options, reasoning) = (request.Options, ReasoningAfter(text));
        if (request.Thinks == false || request.ReasoningLimit == 0 || request.Prefill.Length > 0)
        {
            // A thought that the template begins all the same is ended in the prompt, and the token that begins one has no chance.
            if (reasoning == ReasoningState.Begun)
                text = $"{text.TrimEnd()}\n\n{_thinking!.Close.Trim()}\n\n";
            else if (ReasoningToken is { } token)
                options =
                    options with
                    {
                        LogitBias =
                        new Dictionary<int, float>(options.LogitBias ?? new Dictionary<int, float>()) { [token] = Forbidden }
                    };
            reasoning = ReasoningState.Over;
        }
        var prompt = ChatPrompt.Encode(_tokenizer, text + _tokenizer.Marked(request.Prefill, mark, keepThoughts: true), mark, maxTokens);
        var tools = Tool.Read(request.Tools);
        var callable = request.Named is { } named ? [.. tools.Where(t => t.Name == named)] : tools;
        Grammar? ShapeFrom(ReasoningState state) => KeptShape(request, callable, state);
        var limit = request.ReasoningLimit is { } most && CanReason && reasoning != ReasoningState.Over
            ? new ReasoningLimit(this, most, ShapeFrom(ReasoningState.Over)) : null;
        options = options with { Grammar = ShapeFrom(reasoning), VisibleTokens = VisibleTokens };
        return new Turn(prompt, options, this, request.Use == ToolUse.None ? [] : tools, reasoning == ReasoningState.Begun, limit);
    }

    JsonObject Variables(TurnRequest request)
    {
        var variables = new JsonObject { ["messages"] = request.Messages.DeepClone(), ["add_generation_prompt"] = true };
        // Also where none is to be called: the prompt keeps the prefix that the turns before had.
        if (request.Tools.Count > 0)
            variables["tools"] = request.Tools.DeepClone();
        if (request.Thinks is { } thinks)
            (variables["enable_thinking"], variables["thinking"]) = (thinks, thinks);
        // What begins with several tokens cannot be forbidden: little is asked for (gpt-oss).
        if ((request.Thinks == false && CanReason && ReasoningToken is null ? "low" : request.Effort) is { } effort)
            variables["reasoning_effort"] = effort;
        foreach (var (name, value) in request.Variables)
            variables[name] = value?.DeepClone();
        return variables;
    }

    // The same tools come with every turn; a shape of the text is kept by whoever asks for it.
    Grammar? KeptShape(TurnRequest request, IReadOnlyList<Tool> tools, ReasoningState reasoning)
    {
        Grammar? Make() => Shape(tools, request.Use, request.Several, request.Options.Grammar, reasoning);
        return tools.Count == 0 || request.Options.Grammar is not null ? Make()
            : _grammars.GetOrNull($"{request.Use} {request.Named} {request.Several} {reasoning} {request.Tools.ToJsonString()}", Make);
    }

    // Where a prompt leaves reasoning: its template may have begun it, or written it as empty.
    ReasoningState ReasoningAfter(string prompt)
    {
        if (_thinking is null)
            return ReasoningState.Possible;
        var end = prompt.AsSpan().TrimEnd();
        return end.EndsWith(_thinking.Open.AsSpan().TrimEnd(), StringComparison.Ordinal) ? ReasoningState.Begun
            : end.EndsWith(_thinking.Close, StringComparison.Ordinal) ? ReasoningState.Over : ReasoningState.Possible;
    }

    /// <summary>Counts the tokens of reasoning.</summary>
    /// <param name="begun">Whether the prompt ended within it.</param>
    internal ReasoningMeter Meter(bool begun) => new(_thinking, begun);

    /// <summary>The text that ends unfinished reasoning and leads to the answer.</summary>
    /// <param name="shaped">Whether a grammar says what comes next; it then writes the beginning of the answer itself.</param>
    internal string ReasoningEnd(bool shaped) => _thinking!.BeforeText.Length == 0 ? $"\n{_thinking.Close.Trim()}\n\n"
        : _thinking.Close + (shaped ? "<|start|>assistant" : _thinking.BeforeText);

    internal int[] EncodeNext(string text) => _tokenizer.EncodeNext(text, parseSpecial: true);

    /// <summary>Creates a parser of an answer.</summary>
    /// <param name="tools">The tools that were offered; calls are looked for where there are any.</param>
    /// <param name="reasons">Whether the prompt ended within reasoning.</param>
    internal AnswerReader Read(IReadOnlyList<Tool> tools, bool reasons) => new(tools.Count > 0 ? _calls : null, _thinking, tools, reasons);

    /// <summary>What an answer must look like; null if it can be anything.</summary>
    /// <param name="tools">The tools.</param>
    /// <param name="use">Whether they are called.</param>
    /// <param name="several">Whether more than one call can be in an answer.</param>
    /// <param name="shape">What the text must look like; null for anything.</param>
    /// <param name="reasoning">Where the prompt left reasoning: the shape begins after it.</param>
    /// <exception cref="GrammarException">A strict tool's schema cannot be enforced.</exception>
    internal Grammar? Shape(IReadOnlyList<Tool> tools, ToolUse use, bool several, Grammar? shape, ReasoningState reasoning)
    {
        if (use == ToolUse.None && tools.Count > 0 && shape is null && _calls.Opens.Any(o => !o.StartsWith('{')))
            return new Grammar(parts => Made(parts, (writer, end) => Free(writer, null), reasoning));
        if (use == ToolUse.None)
            tools = [];
        if (tools.Count == 0
            && (shape is null || _thinking is null || (reasoning == ReasoningState.Over && _thinking.BeforeText.Length == 0)))
            return shape;
        // Bare JSON that begins like a call may be an answer: it is constrained only where a call is asked for.
        if (use == ToolUse.Auto && shape is null && _calls.Opens.Any(o => o.StartsWith('{')))
            return null;
        return new Grammar(parts => Made(parts, (writer, end) =>
        {
            if (tools.Count == 0)
                return Shaped(shape!, parts, writer);
            var calls = _calls.Write(writer, tools, several, end);
            return use == ToolUse.Required ? calls
                : shape is not null ? new FixedState(false, Edge.Nothing(calls), Edge.Nothing(Shaped(shape, parts, writer)))
                : Free(writer, calls);
        }, reasoning));
    }

    FixedRule Made(GrammarParts parts, Func<AnswerWriter, State, State> body, ReasoningState reasoning)
    {
        var writer = new AnswerWriter(parts, _tokenizer, Marks);
        return new FixedRule(Reason(writer, parts.Table, body(writer, FixedState.End), reasoning));
    }

    State Shaped(Grammar shape, GrammarParts parts, AnswerWriter writer) =>
        writer.Text(_thinking?.BeforeText.Replace("<|start|>assistant", "", StringComparison.Ordinal) ?? "",
            new FixedState(false, Edge.Of(shape.Source(parts), FixedState.End)));

    // Text without a mark, and perhaps calls after it. Bare JSON is text where no call is wanted.
    State Free(AnswerWriter writer, State? calls)
    {
        var text = writer.Without(calls is null ? _calls.Opens.Where(o => !o.StartsWith('{')) : _calls.Opens);
        if (_thinking is not { BeforeText.Length: > 0 })
            return new FixedState(true, Edge.Of(text, calls is null ? FixedState.End : new FixedState(true, Edge.Nothing(calls))));
        var final = Edge.Nothing(writer.Text("<|channel|>final<|message|>", new FixedState(false, Edge.Of(text, FixedState.End))));
        return calls is null ? new FixedState(false, final) : new FixedState(false, Edge.Nothing(calls), final);
    }

    State Reason(AnswerWriter writer, RegexTable table, State body, ReasoningState reasoning)
    {
        if (_thinking is null || reasoning == ReasoningState.Over)
            return body;
        var then = _thinking.BeforeText.Length > 0 ? writer.Text("<|start|>assistant", body)
            : new FixedState(false, Edge.Of(table.Loop(table.Literal("\n"), 0, 2), body));
        var inside = writer.Until(_thinking.Close, then);
        return reasoning == ReasoningState.Begun ? inside
            : new FixedState(false, Edge.Nothing(writer.Text(_thinking.Open, inside)), Edge.Nothing(body));
    }
}
