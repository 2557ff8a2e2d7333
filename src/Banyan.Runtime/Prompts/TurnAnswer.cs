using System.Text;
using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Prompts;

/// <summary>One answer while it is generated, split into text, reasoning and calls.</summary>
public sealed class TurnAnswer
{
    readonly AnswerReader? _reader;
    readonly ReasoningMeter? _meter;
    readonly StringBuilder _whole = new(), _text = new(), _reasoning = new();
    readonly List<AnswerCall> _calls = [];

    internal TurnAnswer(AnswerReader reader, ReasoningMeter meter) => (_reader, _meter) = (reader, meter);

    /// <summary>An answer of text only, to a prompt without a template.</summary>
    public TurnAnswer()
    {
    }

    /// <summary>Why it ended; null before.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>What it cost; null until it ends.</summary>
    public GenerationStatistics? Statistics { get; private set; }

    /// <summary>Tokens of its reasoning.</summary>
    public int ReasoningTokens => _meter?.Tokens ?? 0;

    /// <summary>The stop string before which it ended; null if it ended by itself.</summary>
    public string? StopString { get; private set; }

    /// <summary>The text so far.</summary>
    public string Text => _text.ToString();

    /// <summary>The reasoning so far.</summary>
    public string Reasoning => _reasoning.ToString();

    /// <summary>The calls so far; the last one may be incomplete.</summary>
    public IReadOnlyList<AnswerCall> Calls => _calls;

    /// <summary>How many of them are complete.</summary>
    internal IReadOnlyList<ToolCall> CompleteCalls => _reader?.Calls ?? [];

    /// <summary>Why a call was left as text; null if none was.</summary>
    public string? Warning => _reader?.Warning;

    /// <summary>Takes the next piece; returns the parts that it completes.</summary>
    public IReadOnlyList<AnswerPart> Take(Generated generated)
    {
        Note(generated);
        var parts = Read(generated.Text, generated.Finish is not null);
        Add(parts);
        return parts;
    }

    /// <summary>Takes the next piece of an answer that is read only once complete: a truncated call becomes text.</summary>
    public void Collect(Generated generated)
    {
        Note(generated);
        _whole.Append(generated.Text);
        if (generated.Finish is not null)
            Add(Read(_whole.ToString(), ended: true));
    }

    IReadOnlyList<AnswerPart> Read(string text, bool ended) =>
        _reader is not null ? _reader.Append(text, ended) : text.Length > 0 ? [new AnswerPart(AnswerPartKind.Text, text)] : [];

    void Note(Generated generated)
    {
        Finish = generated.Finish ?? Finish;
        Statistics = generated.Statistics ?? Statistics;
        StopString = generated.StopString ?? StopString;
        _meter?.Append(generated);
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
                    _calls.Add(new AnswerCall(part.Text));
                    break;
                default:
                    _calls[part.Call].Append(part.Text);
                    break;
            }
    }
}

/// <summary>A call in an answer, as far as it is generated.</summary>
public sealed class AnswerCall
{
    readonly StringBuilder _arguments = new();

    internal AnswerCall(string name) => Name = name;

    /// <summary>An id that no other call has.</summary>
    public string Id { get; } = $"call_{Guid.NewGuid():N}"[..29];

    /// <summary>The tool.</summary>
    public string Name { get; }

    /// <summary>JSON.</summary>
    public string Arguments => _arguments.ToString();

    internal void Append(string text) => _arguments.Append(text);
}

/// <summary>What a part of an answer is.</summary>
public enum AnswerPartKind
{
    /// <summary>Text for the user.</summary>
    Text,

    /// <summary>The model's reasoning.</summary>
    Reasoning,

    /// <summary>A call begins; the text is the tool's name.</summary>
    Call,

    /// <summary>The next characters of the call's arguments, which are JSON.</summary>
    Arguments,
}

/// <summary>A part of an answer, as it is generated.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The next characters.</param>
/// <param name="Call">The call's number, from 0; -1 for text and reasoning.</param>
public readonly record struct AnswerPart(AnswerPartKind Kind, string Text, int Call = -1);
