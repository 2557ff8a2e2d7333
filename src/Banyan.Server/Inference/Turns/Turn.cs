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

    /// <summary>The most tokens of reasoning; 0 for none, null for any number.</summary>
    public int? ReasoningLimit { get; init; }

    /// <summary>What the answer begins with: an assistant's message that the client wants continued.</summary>
    public string Prefill { get; init; } = "";

    /// <summary>Further variables of the template.</summary>
    public JsonObject Variables { get; init; } = [];

    /// <summary>Sampling; its grammar is the shape of the answer's text.</summary>
    public required GenerationOptions Options { get; init; }

    /// <summary>The field that holds the tools, for messages.</summary>
    public string ToolsField { get; init; } = "tools";

    /// <summary>
    /// Whether what a message shows is a tool's: its result, or what some clients send as the user's right after one, since results hold text alone. What
    /// the user shows the model by themselves is refused, which is better than an answer about something that was not seen.
    /// </summary>
    /// <param name="role">Whose the message is.</param>
    /// <param name="before">The messages before it.</param>
    public static bool IsShown(string role, JsonArray before) => role == "tool" || (role == "user" && before is [.., JsonObject last] && (string?)last["role"] == "tool");

    /// <summary>What stands for an image or a file that a tool gave: the model is told that it cannot see it, and the work goes on.</summary>
    /// <param name="type">What the API calls it.</param>
    public static string Unseen(string type) => $"(content of type '{(type.Length > 40 ? type[..40] : type)}', which this model cannot read)";
}

/// <summary>A turn that is ready to be generated.</summary>
sealed class Turn
{
    static readonly GrammarCache s_grammars = new();

    readonly Conversation? _conversation;
    readonly IReadOnlyList<Tool> _tools;
    readonly bool _reasons;
    readonly ReasoningLimit? _limit;

    Turn(int[] prompt, GenerationOptions options, Conversation? conversation = null, IReadOnlyList<Tool>? tools = null, bool reasons = false, ReasoningLimit? limit = null) =>
        (Prompt, Options, _conversation, _tools, _reasons, _limit) = (prompt, options, conversation, tools ?? [], reasons, limit);

    public int[] Prompt { get; }

    public GenerationOptions Options { get; }

    /// <summary>Collects one answer.</summary>
    public TurnAnswer NewAnswer() => new(_conversation?.Read(_tools, _reasons), _conversation?.Meter(_reasons));

    /// <summary>Generates it, within the limit of its reasoning.</summary>
    public IAsyncEnumerable<Generated> GenerateAsync(LoadedModel model, GenerationOptions options, CancellationToken cancellationToken) => _limit is null
        ? model.GenerateAsync(Prompt, options, cancellationToken)
        : _limit.GenerateAsync(model.GenerateAsync, Prompt, options, _reasons, model.ContextLength, cancellationToken);

    /// <summary>Makes the prompt, and the grammar that calls and shape ask for.</summary>
    /// <exception cref="ApiException">The template refuses the messages, or a tool's schema cannot be enforced.</exception>
    public static Turn Prepare(LoadedModel model, TurnRequest request, DateTimeOffset now)
    {
        if (model.Settings.System is { Length: > 0 } system && !(request.Messages is [JsonObject first, ..] && (string?)first["role"] == "system"))
            request.Messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = system });
        var variables = new JsonObject { ["messages"] = request.Messages, ["add_generation_prompt"] = true };
        var offered = request.Use == ToolUse.None ? [] : request.Tools;
        if (offered.Count > 0)
            variables["tools"] = offered.DeepClone();
        if (request.Thinks is { } thinks)
            (variables["enable_thinking"], variables["thinking"]) = (thinks, thinks);
        if (request.Effort is { } effort)
            variables["reasoning_effort"] = effort;
        // What begins with several tokens cannot be forbidden: little is asked for (gpt-oss).
        if (request.Thinks == false && model.Chats && model.Conversation is { CanReason: true, ReasoningToken: null })
            variables["reasoning_effort"] = "low";
        foreach (var (name, value) in request.Variables)
            variables[name] = value?.DeepClone();
        var prompt = ChatPrompts.Render(model, variables, now);
        if (model.Conversation is not { } conversation)
            return new(prompt, request.Options);
        var tools = Read(offered);
        var reasoning = conversation.ReasoningAfter(prompt);
        var options = request.Options;
        if (request.Thinks == false || request.ReasoningLimit == 0 || request.Prefill.Length > 0)
        {
            if (reasoning == ReasoningState.Begun)
                prompt = conversation.EndReasoning(prompt);
            else if (conversation.ReasoningToken is { } token)
                options = options with { LogitBias = new Dictionary<int, float>(options.LogitBias ?? new Dictionary<int, float>()) { [token] = SamplingFields.Forbidden } };
            reasoning = ReasoningState.Over;
        }
        if (request.Prefill.Length > 0)
            prompt = Continued(model, prompt, request);
        var callable = request.Named is { } named ? [.. tools.Where(t => t.Name == named)] : tools;
        Grammar? ShapeFrom(ReasoningState state) => OutputShape.Make(request.ToolsField, () => Shape(model.Name, conversation, request, callable, offered, state));
        var limit = request.ReasoningLimit is { } most && conversation.CanReason && reasoning != ReasoningState.Over
            ? new ReasoningLimit(conversation, most, ShapeFrom(ReasoningState.Over)) : null;
        return new(prompt, options with { Grammar = ShapeFrom(reasoning), VisibleTokens = conversation.VisibleTokens }, conversation, tools, reasoning == ReasoningState.Begun, limit);
    }

    static int[] Continued(LoadedModel model, int[] prompt, TurnRequest request)
    {
        if (request.Options.Grammar is not null || request.Use == ToolUse.Required)
            throw ApiException.Invalid("messages", "A last assistant message is continued, so what it begins cannot be forced into a shape or a call: leave one of them out.");
        return model.Tokenizer.TryEncode(request.Prefill, model.ContextLength - 1, out var begun, addSpecial: false, parseSpecial: false) && prompt.Length + begun.Length < model.ContextLength
            ? [.. prompt, .. begun] : throw PromptTokens.TooLong(model, "conversation");
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
sealed class TurnAnswer(AnswerReader? reader, ReasoningMeter? meter = null)
{
    readonly StringBuilder _whole = new(), _text = new(), _reasoning = new();
    readonly List<(string Id, string Name, StringBuilder Arguments)> _calls = [];

    public FinishReason? Finish { get; private set; }

    public GenerationStatistics? Statistics { get; private set; }

    /// <summary>Tokens of its reasoning.</summary>
    public int ReasoningTokens => meter?.Tokens ?? 0;

    /// <summary>The stop string before which it ended; null where it ended by itself.</summary>
    public string? StopString { get; private set; }

    public string Text => _text.ToString();

    public string Reasoning => _reasoning.ToString();

    public IReadOnlyList<(string Id, string Name, StringBuilder Arguments)> Calls => _calls;

    public string? Warning => reader?.Warning;

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
        StopString = generated.StopString ?? StopString;
        meter?.Append(generated);
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
