using System.Globalization;
using System.Text;

namespace Banyan.Cli.Editing;

/// <summary>A text with a cursor in it, and what keys do to them. The cursor moves by user-perceived characters.</summary>
sealed class EditedText
{
    readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    /// <summary>The cursor's position, in UTF-16 units.</summary>
    public int Cursor { get; private set; }

    public bool IsEmpty => _text.Length == 0;

    public void Insert(string text)
    {
        _text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Set(string text)
    {
        _text.Clear().Append(text);
        Cursor = text.Length;
    }

    public void Left() => Cursor = Before(Cursor);

    public void Right() => Cursor = After(Cursor);

    public void WordLeft()
    {
        while (Cursor > 0 && !IsWord(Cursor - 1))
            Cursor--;
        while (Cursor > 0 && IsWord(Cursor - 1))
            Cursor--;
    }

    public void WordRight()
    {
        while (Cursor < _text.Length && !IsWord(Cursor))
            Cursor++;
        while (Cursor < _text.Length && IsWord(Cursor))
            Cursor++;
    }

    /// <summary>Moves to the start of the line.</summary>
    public void Home() => Cursor = LineStart(Cursor);

    /// <summary>Moves to the end of the line.</summary>
    public void End() => Cursor = LineEnd(Cursor);

    /// <summary>Moves up a line, keeping the column if possible; false in the first line.</summary>
    public bool Up()
    {
        var start = LineStart(Cursor);
        if (start == 0)
            return false;
        var column = Cursor - start;
        var above = LineStart(start - 1);
        Cursor = Whole(Math.Min(above + column, start - 1));
        return true;
    }

    /// <summary>Moves down a line; false in the last line.</summary>
    public bool Down()
    {
        var end = LineEnd(Cursor);
        if (end == _text.Length)
            return false;
        var column = Cursor - LineStart(Cursor);
        Cursor = Whole(Math.Min(end + 1 + column, LineEnd(end + 1)));
        return true;
    }

    public void Backspace() => Remove(Before(Cursor), Cursor);

    public void Delete() => Remove(Cursor, After(Cursor));

    public void DeleteWordLeft()
    {
        var end = Cursor;
        WordLeft();
        Remove(Cursor, end);
    }

    public void DeleteToStart() => Remove(LineStart(Cursor), Cursor);

    public void DeleteToEnd() => Remove(Cursor, LineEnd(Cursor));

    void Remove(int from, int to)
    {
        _text.Remove(from, to - from);
        Cursor = from;
    }

    bool IsWord(int at) => char.IsLetterOrDigit(_text[at]) || _text[at] == '_';

    int LineStart(int at)
    {
        while (at > 0 && _text[at - 1] != '\n')
            at--;
        return at;
    }

    int LineEnd(int at)
    {
        while (at < _text.Length && _text[at] != '\n')
            at++;
        return at;
    }

    // A character may be several units, and begins at most a line before.
    int Before(int at)
    {
        if (at == 0)
            return 0;
        var last = at - 1;
        for (var start = LineStart(at - 1); start < at; start += StringInfo.GetNextTextElementLength(_text.ToString(start, at - start)))
            last = start;
        return last;
    }

    int After(int at) => at == _text.Length ? at : at + StringInfo.GetNextTextElementLength(_text.ToString(at, LineEnd(at + 1) - at));

    // A column of another line may fall into a character.
    int Whole(int at)
    {
        var start = LineStart(at);
        while (start < at)
        {
            var next = After(start);
            if (next > at)
                break;
            start = next;
        }
        return start;
    }
}
