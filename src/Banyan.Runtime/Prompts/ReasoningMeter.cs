using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Prompts;

/// <summary>Counts the tokens of an answer's reasoning, including its markers, as they stream.</summary>
internal sealed class ReasoningMeter
{
    // gpt-oss reasons in several messages.
    const string NextMessage = "<|start|>assistant";

    readonly Thinking? _thinking;
    string _held = "";
    int _pending;
    bool _over;

    internal ReasoningMeter(Thinking? thinking, bool begun) => (_thinking, IsWithin, _over) = (thinking, begun, thinking is null);

    /// <summary>Whether the answer is currently reasoning.</summary>
    public bool IsWithin { get; private set; }

    /// <summary>Tokens of reasoning so far.</summary>
    public int Tokens { get; private set; }

    /// <summary>Takes the next piece of the answer.</summary>
    public void Append(Generated generated)
    {
        if (_over)
            return;
        _pending += generated.Token is null ? 0 : 1;
        _held += generated.Text;
        if (!IsWithin && !Opens())
            return;
        Tokens += _pending;
        _pending = 0;
        if (_held.IndexOf(_thinking!.Close, StringComparison.Ordinal) is >= 0 and var at)
        {
            _held = _held[(at + _thinking.Close.Length)..];
            (IsWithin, _over) = (false, _thinking.BeforeText.Length == 0);
        }
        else if (_held.Length > _thinking.Close.Length)
            _held = _held[^_thinking.Close.Length..];
    }

    bool Opens()
    {
        var text = _held.TrimStart();
        if (text.StartsWith(NextMessage, StringComparison.Ordinal))
            text = text[NextMessage.Length..];
        if (!text.StartsWith(_thinking!.Open, StringComparison.Ordinal))
        {
            // Anything else is the answer.
            _over = !_thinking.Open.StartsWith(text, StringComparison.Ordinal) && !NextMessage.StartsWith(text, StringComparison.Ordinal);
            return false;
        }
        (_held, IsWithin) = (text[_thinking.Open.Length..], true);
        return true;
    }
}
