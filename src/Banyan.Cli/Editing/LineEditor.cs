namespace Banyan.Cli.Editing;

/// <summary>Reads what a user types on a terminal, as shells do: cursor keys, words, history, several lines, pasted text as one piece.
/// Written here because the libraries for it are unmaintained (ReadLine, RadLine) or unavailable for this runtime.</summary>
/// <param name="keys">The next key, without showing it.</param>
/// <param name="waiting">Whether another key is already available, as during a paste.</param>
/// <param name="output">The terminal.</param>
/// <param name="size">Its width and height now.</param>
sealed class LineEditor(Func<ConsoleKeyInfo> keys, Func<bool> waiting, TextWriter output, Func<(int Width, int Height)> size)
{
    const string Prompt = "> ", Continuation = "… ";

    /// <summary>Descriptions of the key bindings, for help.</summary>
    public const string Keys = """
        Alt-Enter, Ctrl-J, or \ at the end of a line: another line. A paste is one.
        Up, Down: what was said before. Ctrl-A, -E, -W, -U, -K, -arrows: as in a shell.
        """;

    readonly List<string> _history = [];

    /// <summary>An editor on this process's terminal.</summary>
    public static LineEditor OnTerminal() => new(
        () => Console.ReadKey(intercept: true), () => Console.KeyAvailable, Console.Out, () => (Console.WindowWidth, Console.WindowHeight));

    /// <summary>The text, or null if the user leaves with Ctrl-D or Ctrl-C on an empty line.</summary>
    public string? Read()
    {
        var controlC = !Console.IsInputRedirected && Console.TreatControlCAsInput;
        Treat(true);
        output.Write("\e[?2004h"); // a terminal that can says where a paste begins and ends
        try
        {
            return Edit();
        }
        finally
        {
            output.Write("\e[?2004l\r\n");
            output.Flush();
            Treat(controlC);
        }

        static void Treat(bool asInput)
        {
            if (!Console.IsInputRedirected)
                Console.TreatControlCAsInput = asInput;
        }
    }

    string? Edit()
    {
        var (text, screen) = (new EditedText(), new Screen(Prompt, Continuation));
        var (place, draft) = (_history.Count, "");
        while (true)
        {
            if (!waiting())
                Draw();
            var key = keys();
            switch (key)
            {
                case { Key: ConsoleKey.Enter, Modifiers: ConsoleModifiers.Alt } or { KeyChar: '\n', Key: not ConsoleKey.Enter }
                    or { Key: ConsoleKey.J, Modifiers: ConsoleModifiers.Control }:
                    text.Insert("\n");
                    break;
                case { Key: ConsoleKey.Enter } when waiting():
                    text.Insert("\n"); // a paste, of a terminal that does not say so
                    break;
                case { Key: ConsoleKey.Enter } when text.Cursor == text.Text.Length && text.Text.EndsWith('\\'):
                    text.Backspace();
                    text.Insert("\n");
                    break;
                case { Key: ConsoleKey.Enter }:
                    Finish();
                    if (text.Text.Trim().Length > 0 && (_history.Count == 0 || _history[^1] != text.Text))
                        _history.Add(text.Text);
                    return text.Text;
                case { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } when text.IsEmpty:
                case { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control } when text.IsEmpty:
                    return null;
                case { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control }:
                    text.Set("");
                    break;
                case { Key: ConsoleKey.Escape }:
                    if (Sequence() is "[200~")
                        text.Insert(Pasted());
                    break;
                case { Key: ConsoleKey.UpArrow } when !text.Up():
                    Recall(-1);
                    break;
                case { Key: ConsoleKey.DownArrow } when !text.Down():
                    Recall(1);
                    break;
                case { Key: ConsoleKey.L, Modifiers: ConsoleModifiers.Control }:
                    output.Write("\e[H\e[2J");
                    screen.Forget();
                    break;
                default:
                    Apply(text, key);
                    break;
            }
        }

        void Draw()
        {
            var (width, height) = size();
            output.Write(screen.Draw(text.Text, text.Cursor, width, height));
            output.Flush();
        }

        void Finish()
        {
            var (width, height) = size();
            output.Write(screen.Draw(text.Text, text.Text.Length, width, height));
            screen.Forget();
        }

        void Recall(int by)
        {
            if (place + by < 0 || place + by > _history.Count)
                return;
            if (place == _history.Count)
                draft = text.Text;
            place += by;
            text.Set(place == _history.Count ? draft : _history[place]);
        }
    }

    static void Apply(EditedText text, ConsoleKeyInfo key)
    {
        var isWord = (key.Modifiers & (ConsoleModifiers.Control | ConsoleModifiers.Alt)) != 0;
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow or ConsoleKey.B when isWord
                && (key.Key == ConsoleKey.LeftArrow || key.Modifiers == ConsoleModifiers.Alt):
                text.WordLeft(); break;
            case ConsoleKey.RightArrow or ConsoleKey.F when isWord
                && (key.Key == ConsoleKey.RightArrow || key.Modifiers == ConsoleModifiers.Alt):
                text.WordRight(); break;
            case ConsoleKey.LeftArrow: text.Left(); break;
            case ConsoleKey.RightArrow: text.Right(); break;
            case ConsoleKey.B when key.Modifiers == ConsoleModifiers.Control: text.Left(); break;
            case ConsoleKey.F when key.Modifiers == ConsoleModifiers.Control: text.Right(); break;
            case ConsoleKey.Home: text.Home(); break;
            case ConsoleKey.End: text.End(); break;
            case ConsoleKey.A when key.Modifiers == ConsoleModifiers.Control: text.Home(); break;
            case ConsoleKey.E when key.Modifiers == ConsoleModifiers.Control: text.End(); break;
            case ConsoleKey.W when key.Modifiers == ConsoleModifiers.Control: text.DeleteWordLeft(); break;
            case ConsoleKey.U when key.Modifiers == ConsoleModifiers.Control: text.DeleteToStart(); break;
            case ConsoleKey.K when key.Modifiers == ConsoleModifiers.Control: text.DeleteToEnd(); break;
            case ConsoleKey.Backspace when isWord: text.DeleteWordLeft(); break;
            case ConsoleKey.Backspace: text.Backspace(); break;
            case ConsoleKey.H when key.Modifiers == ConsoleModifiers.Control: text.Backspace(); break;
            case ConsoleKey.Delete: text.Delete(); break;
            case ConsoleKey.D when key.Modifiers == ConsoleModifiers.Control: text.Delete(); break;
            default:
                if (key.KeyChar == '\t'
                    || (key.KeyChar >= ' ' && key.KeyChar != '\x7f' && !char.IsControl(key.KeyChar)
                        && (key.Modifiers & ConsoleModifiers.Control) == 0))
                    text.Insert(key.KeyChar.ToString());
                break;
        }
    }

    // What follows an escape at once is a sequence that the runtime does not know.
    string Sequence()
    {
        var sequence = "";
        while (waiting() && sequence.Length < 8)
        {
            sequence += keys().KeyChar;
            if (sequence is not "[" and not "O" && (char.IsAsciiLetter(sequence[^1]) || sequence[^1] == '~'))
                break;
        }
        return sequence;
    }

    string Pasted()
    {
        const string end = "\e[201~";
        var pasted = new System.Text.StringBuilder();
        while (!EndsWith(end))
            pasted.Append(keys() is var key && key.KeyChar is '\r' ? '\n' : key.KeyChar);
        pasted.Length -= end.Length;
        return pasted.Replace("\r\n", "\n").ToString();

        bool EndsWith(string text)
        {
            for (var i = 1; i <= text.Length; i++)
                if (pasted.Length < i || pasted[^i] != text[^i])
                    return false;
            return true;
        }
    }
}
