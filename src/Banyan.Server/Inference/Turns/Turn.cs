using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Conversations;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Templates;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Turns;

/// <summary>What a client wants of the next turn of a conversation, whichever API it speaks.</summary>
sealed record TurnRequest
{
    /// <summary>Messages as templates read them: OpenAI's.</summary>
    public required JsonArray Messages { get; init; }

    /// <summary>Tools as templates read them: OpenAI's; empty for none.</summary>
    public JsonArray Tools { get; init; } = [];

    public ToolUse Use { get; init; }

    /// <summary>The only tool that can be called; null for any.</summary>
    public string? Named { get; init; }

    /// <summary>Whether an answer can hold several calls.</summary>
    public bool Several { get; init; } = true;

    /// <summary>Whether the model reasons before it answers; null leaves it to its template.</summary>
    public bool? Thinks { get; init; }

    /// <summary>How much: "low", "medium", "high" and what else a template knows.</summary>
    public string? Effort { get; init; }

    /// <summary>Further variables of the template.</summary>
    public JsonObject Variables { get; init; } = [];

    /// <summary>Sampling; its grammar is the shape of the answer's text.</summary>
    public required GenerationOptions Options { get; init; }

    /// <summary>The field that holds the tools, for messages.</summary>
    public string ToolsField { get; init; } = "tools";
}

/// <summary>A turn that is ready to be generated.</summary>
sealed class Turn
{
    static readonly GrammarCache s_grammars = new();

    readonly Conversation? _conversation;
    readonly IReadOnlyList<Tool> _tools;
    readonly bool _reasons;

    Turn(int[] prompt, GenerationOptions options, Conversation? conversation, IReadOnlyList<Tool> tools, bool reasons) =>
        (Prompt, Options, _conversation, _tools, _reasons) = (prompt, options, conversation, tools, reasons);

    public int[] Prompt { get; }

    public GenerationOptions Options { get; }

    /// <summary>Collects one answer.</summary>
    public TurnAnswer NewAnswer() => new(_conversation?.Read(_tools, _reasons), Options);

    /// <summary>Makes the prompt, and the grammar that calls and shape ask for.</summary>
    /// <exception cref="ApiException">The template refuses the messages, or a tool's schema cannot be enforced.</exception>
    public static Turn Prepare(LoadedModel model, TurnRequest request, DateTimeOffset now)
    {
        var variables = new JsonObject { ["messages"] = request.Messages, ["add_generation_prompt"] = true };
        var offered = request.Use == ToolUse.None ? [] : request.Tools;
        if (offered.Count > 0)
            variables["tools"] = offered.DeepClone();
        if (request.Thinks is { } thinks)
            (variables["enable_thinking"], variables["thinking"]) = (thinks, thinks);
        if (request.Effort is { } effort)
            variables["reasoning_effort"] = effort;
        foreach (var (name, value) in request.Variables)
            variables[name] = value?.DeepClone();
        var prompt = ChatPrompts.Render(model, variables, now);
        if (model.Conversation is not { } conversation)
            return new(prompt, request.Options, null, [], false);
        var tools = Read(offered);
        var reasoning = conversation.ReasoningAfter(prompt);
        var options = request.Options;
        if (request.Thinks == false)
        {
            if (reasoning == ReasoningState.Begun)
                prompt = conversation.EndReasoning(prompt);
            else if (conversation.ReasoningToken is { } token)
                options = options with { LogitBias = new Dictionary<int, float>(options.LogitBias ?? new Dictionary<int, float>()) { [token] = SamplingFields.Forbidden } };
            reasoning = ReasoningState.Over;
        }
        var callable = request.Named is { } named ? [.. tools.Where(t => t.Name == named)] : tools;
        var grammar = OutputShape.Make(request.ToolsField, () => Shape(model.Name, conversation, request, callable, offered, reasoning));
        return new(prompt, options with { Grammar = grammar, VisibleTokens = conversation.VisibleTokens }, conversation, tools, reasoning == ReasoningState.Begun);
    }

    static Grammar? Shape(string model, Conversation conversation, TurnRequest request, IReadOnlyList<Tool> tools, JsonArray offered, ReasoningState reasoning)
    {
        Grammar? Make() => conversation.Shape(tools, request.Use, request.Several, request.Options.Grammar, reasoning);
        // The same tools come with every turn; a shape of the text is kept by itself.
        return tools.Count == 0 || request.Options.Grammar is not null ? Make()
            : s_grammars.GetOrNull("tools", $"{model} {request.Use} {request.Named} {request.Several} {reasoning} {offered.ToJsonString()}", Make);
    }

    static List<Tool> Read(JsonArray tools)
    {
        var result = new List<Tool>(tools.Count);
        foreach (var function in tools.Select(t => t?["function"]).OfType<JsonObject>())
            result.Add(new Tool((string)function["name"]!, function["parameters"] is { } schema ? JsonSerializer.SerializeToElement(schema) : null,
                function["strict"] is JsonValue strict && strict.GetValueKind() == JsonValueKind.True));
        return result;
    }
}

/// <summary>One answer while it is generated, taken apart into text, reasoning and calls.</summary>
sealed class TurnAnswer(AnswerReader? reader, GenerationOptions options)
{
    readonly StringBuilder _whole = new(), _text = new(), _reasoning = new();
    readonly List<(string Id, string Name, StringBuilder Arguments)> _calls = [];

    public FinishReason? Finish { get; private set; }

    public GenerationStatistics? Statistics { get; private set; }

    /// <summary>The last token, which may be the one that ended it.</summary>
    public int? LastToken { get; private set; }

    public string Text => _text.ToString();

    public string Reasoning => _reasoning.ToString();

    public IReadOnlyList<(string Id, string Name, StringBuilder Arguments)> Calls => _calls;

    public string? Warning => reader?.Warning;

    /// <summary>Whether it ended where a stop string was, rather than by itself.</summary>
    public bool EndedByStop(LoadedModel model) => Finish == FinishReason.Stop && options.Stop.Count > 0 && LastToken is { } token && !model.Tokenizer.EndOfGeneration.Contains(token);

    /// <summary>Takes the next piece; the parts that it completes.</summary>
    public IReadOnlyList<AnswerPart> Take(Generated generated)
    {
        Note(generated);
        var parts = reader is null ? generated.Text.Length > 0 ? [new AnswerPart(AnswerPartKind.Text, generated.Text)] : [] : reader.Append(generated.Text, generated.Finish is not null);
        Add(parts);
        return parts;
    }

    /// <summary>Takes the next piece of an answer that is read only as a whole: a call that was cut is then text.</summary>
    public void Collect(Generated generated)
    {
        Note(generated);
        _whole.Append(generated.Text);
        if (generated.Finish is not null)
            Add(reader is null ? [new AnswerPart(AnswerPartKind.Text, _whole.ToString())] : reader.Append(_whole.ToString(), ended: true));
    }

    void Note(Generated generated)
    {
        Finish = generated.Finish ?? Finish;
        Statistics = generated.Statistics ?? Statistics;
        LastToken = generated.Token ?? LastToken;
    }

    void Add(IReadOnlyList<AnswerPart> parts)
    {
        foreach (var part in parts)
            switch (part.Kind)
            {
                case AnswerPartKind.Text:
                    _text.Append(part.Text);
                    break;
                case AnswerPartKind.Reasoning:
                    _reasoning.Append(part.Text);
                    break;
                case AnswerPartKind.Call:
                    _calls.Add(($"call_{Guid.NewGuid():N}"[..29], part.Text, new()));
                    break;
                default:
                    _calls[part.Call].Arguments.Append(part.Text);
                    break;
            }
    }
}
