namespace Banyan.Runtime.Prompts;

/// <summary>Parses an answer as it streams: text, reasoning, calls with their arguments. Text is returned as soon as it cannot be the
/// beginning of a marker. A call that is malformed or cut stays text, so nothing is lost, and <see cref="Warning"/> says so.</summary>
internal sealed class AnswerReader
{
    readonly CallFormat? _format;
    readonly Thinking? _thinking;
    readonly IReadOnlyList<Tool> _tools;
    readonly List<AnswerPart> _parts = [];
    readonly List<ToolCall> _calls = [];
    string _held = "";
    bool _reasons, _hasText, _begins = true, _inCall;
    string? _begun; // the name of the call being handed on
    int _sent; // characters of its arguments

    internal AnswerReader(CallFormat? format, Thinking? thinking, IReadOnlyList<Tool> tools, bool reasons) =>
        (_format, _thinking, _tools, _reasons) = (format, thinking, tools, reasons);

    /// <summary>The calls that are complete.</summary>
    public IReadOnlyList<ToolCall> Calls => _calls;

    /// <summary>What went wrong with a call that stayed text; null if nothing did.</summary>
    public string? Warning { get; private set; }

    /// <summary>Takes the next characters.</summary>
    /// <param name="text">The characters.</param>
    /// <param name="ended">Whether nothing more comes.</param>
    public IReadOnlyList<AnswerPart> Append(string text, bool ended)
    {
        _parts.Clear();
        _held += text;
        while (Step(ended))
        {
        }
        return [.. _parts];
    }

    // One mark after the other; false where more is needed.
    bool Step(bool ended)
    {
        if (_reasons)
            return Reason(ended);
        if (_inCall)
            return Call(ended);
        var (at, mark) = Next();
        if (mark is null)
        {
            var keep = ended ? 0 : Marks().Select(m => Tail(_held, m)).DefaultIfEmpty().Max();
            Show(_held[..^keep]);
            _held = _held[^keep..];
            return false;
        }
        Show(_held[..at]);
        _held = _held[at..];
        if (_thinking is not null && mark == _thinking.Open)
        {
            _held = _held[mark.Length..];
            (_reasons, _begins) = (true, true);
        }
        else if (_format?.Opens.Contains(mark) == true)
            _inCall = true;
        else
            _held = _held[mark.Length..];
        return true;
    }

    bool Reason(bool ended)
    {
        var close = _thinking!.Close;
        if (_begins)
        {
            var start = JsonScan.SkipSpace(_held, 0);
            if (start == _held.Length && !ended)
                return false;
            // A prompt that opened it, and a model that opens it again.
            if (string.CompareOrdinal(_held, start, _thinking.Open, 0, _thinking.Open.Length) == 0)
                start = JsonScan.SkipSpace(_held, start + _thinking.Open.Length);
            else if (!ended && _thinking.Open.StartsWith(_held[start..], StringComparison.Ordinal))
                return false;
            _held = _held[start..];
            _begins = false;
        }
        var at = _held.IndexOf(close, StringComparison.Ordinal);
        if (at >= 0)
        {
            Add(AnswerPartKind.Reasoning, _held[..at].TrimEnd());
            _held = _held[(at + close.Length)..];
            (_reasons, _begins) = (false, true);
            return true;
        }
        // Spaces at its end are not told before it is known that more follows.
        var keep = ended ? 0 : Math.Max(Tail(_held, close), _held.Length - _held.TrimEnd().Length);
        while (!ended && keep < _held.Length && char.IsWhiteSpace(_held[^(keep + 1)]))
            keep++;
        Add(AnswerPartKind.Reasoning, ended ? _held.TrimEnd() : _held[..^keep]);
        _held = ended ? "" : _held[^keep..];
        return false;
    }

    bool Call(bool ended)
    {
        var taken = _format!.Read(_held, ended, _tools, out var calls);
        if (taken < 0 || (taken > 0 && _begun is not null))
            Tell(taken > 0 ? calls[0] : null);
        if (taken < 0)
            return false;
        _inCall = false;
        if (taken == 0)
        {
            var open = _format.Opens.First(o => _held.StartsWith(o, StringComparison.Ordinal));
            Warning ??= ended ? "a call of a tool was cut before its end" : "what looks like a call of a tool could not be read";
            // What was handed on as a call already is not told again as text.
            var length = _begun is not null ? _held.Length : ended ? _held.Length : open.Length;
            if (_begun is null)
                Add(AnswerPartKind.Text, _held[..length]);
            else
                _calls.Add(new ToolCall(_begun, _format.Begun(_held)?.Arguments ?? ""));
            _held = _held[length..];
            _begun = null;
            return _held.Length > 0;
        }
        foreach (var call in calls)
        {
            if (_begun is null)
            {
                _parts.Add(new AnswerPart(AnswerPartKind.Call, call.Name, _calls.Count));
                _parts.Add(new AnswerPart(AnswerPartKind.Arguments, call.Arguments, _calls.Count));
            }
            _calls.Add(call);
            (_begun, _sent) = (null, 0);
        }
        _held = _held[taken..];
        return _held.Length > 0;
    }

    // Arguments as they come.
    void Tell(ToolCall? complete)
    {
        var (name, arguments) = complete is not null ? (complete.Name, complete.Arguments) : _format!.Begun(_held) ?? default;
        if (name is null)
            return;
        if (_begun is null)
        {
            (_begun, _sent) = (name, 0);
            _parts.Add(new AnswerPart(AnswerPartKind.Call, name, _calls.Count));
        }
        if (arguments.Length > _sent)
            _parts.Add(new AnswerPart(AnswerPartKind.Arguments, arguments[_sent..], _calls.Count));
        _sent = arguments.Length;
    }

    void Show(string text)
    {
        // After reasoning, and between calls, spaces are no content.
        if (_begins && (_thinking is not null || _calls.Count > 0) && !_hasText)
            text = text.TrimStart('\n');
        if (_calls.Count > 0 && string.IsNullOrWhiteSpace(text))
            return;
        _hasText |= text.Length > 0;
        Add(AnswerPartKind.Text, text);
    }

    void Add(AnswerPartKind kind, string text)
    {
        if (text.Length > 0)
            _parts.Add(new AnswerPart(kind, text));
    }

    (int At, string? Mark) Next()
    {
        var (first, found) = (int.MaxValue, (string?)null);
        foreach (var mark in Marks())
            if (_held.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at
                && (at < first || (at == first && mark.Length > found!.Length)) && CanStand(mark, at))
                (first, found) = (at, mark);
        return (first, found);
    }

    // A call that is bare JSON is one only where the answer begins with it; reasoning comes first, or not at all.
    bool CanStand(string mark, int at) => (!mark.StartsWith('{') && mark != _thinking?.Open)
        || (!_hasText && string.IsNullOrWhiteSpace(_held[..at]));

    IEnumerable<string> Marks() => [.. _format?.Opens ?? [], .. _thinking is { } t ? [t.Open, .. t.Dropped] : (IEnumerable<string>)[]];

    static int Tail(string text, string mark)
    {
        for (var length = Math.Min(text.Length, mark.Length - 1); length > 0; length--)
            if (string.CompareOrdinal(text, text.Length - length, mark, 0, length) == 0)
                return length;
        return 0;
    }
}
