using Banyan.Cli.Editing;
using Spectre.Console;

namespace Banyan.Cli.Tests.Editing;

/// <summary>What is typed, key by key, and what comes of it; what the terminal shows was looked at in one.</summary>
public class LineEditorTests
{
    static ConsoleKeyInfo Key(char c) => new(c is '←' or '→' or '↑' or '↓' or '⌫' or '⌦' or '㉑' ? '\0' : c, c switch
    {
        '\r' => ConsoleKey.Enter,
        '\e' => ConsoleKey.Escape,
        '←' => ConsoleKey.LeftArrow,
        '→' => ConsoleKey.RightArrow,
        '↑' => ConsoleKey.UpArrow,
        '↓' => ConsoleKey.DownArrow,
        '⌫' => ConsoleKey.Backspace,
        '⌦' => ConsoleKey.Delete,
        '㉑' => ConsoleKey.U,
        >= '①' and <= '⑳' => ConsoleKey.A + (c - '①'),
        '⏎' => ConsoleKey.Enter,
        _ => ConsoleKey.None,
    }, shift: false, alt: c == '⏎', control: c is (>= '①' and <= '⑳') or '㉑');

    // ① is Ctrl-A, ④ Ctrl-D and so on; ⏎ is Alt-Enter. Keys come one by one, or, as a paste, at once.
    static List<string?> Type(string keys, bool atOnce = false)
    {
        var at = 0;
        var editor = new LineEditor(() => Key(keys[at++]),
            () => (atOnce || (at > 0 && keys[at - 1] == '\e') || Pasting(keys, at)) && at < keys.Length, TextWriter.Null, () => (40, 10));
        var lines = new List<string?>();
        while (at < keys.Length)
            lines.Add(editor.Read());
        return lines;
    }

    static bool Pasting(string keys, int at) => at > 0 && keys.LastIndexOf('\e', at - 1) is var escape and >= 0 && at - escape < 6;

    [Theory]
    [InlineData("hello\r", "hello")]
    [InlineData("helo←l\r", "hello")]
    [InlineData("world①hello ⑤!\r", "hello world!")]
    [InlineData("one two⌫⌫⌫2\r", "one 2")]
    [InlineData("one two①⌦⌦⌦⌦\r", "two")]
    [InlineData("kept gone←←←←⑪\r", "kept ")]
    [InlineData("gone kept←←←←㉑\r", "kept")]
    [InlineData("first⏎second\r", "first\nsecond")]
    [InlineData("first\\\rsecond\r", "first\nsecond")]
    [InlineData("first⏎second↑X↓Y\r", "firstX\nsecondY")]
    [InlineData("e\u0301⌫a\r", "a")]
    [InlineData("👩‍👩‍👧x←⌫\r", "x")]
    [InlineData("日本←語\r", "日語本")]
    [InlineData("thrown away③kept\r", "kept")]
    [InlineData("\e[200~line 1\rline 2\r\e[201~\r", "line 1\nline 2\n")]
    [InlineData("\e[1;9Xa\r", "a")]
    [InlineData("④", null)]
    [InlineData("③", null)]
    public void Keys_do_what_they_do_in_a_shell(string keys, string? expected) => Assert.Equal([expected], Type(keys));

    [Fact]
    public void Lines_that_come_at_once_are_one_text() => Assert.Equal(["a\nb\nc"], Type("a\rb\rc\r", atOnce: true));

    [Fact]
    public void What_was_said_comes_back_and_a_draft_is_kept() =>
        Assert.Equal(["one", "two", "one", "draft"], Type("one\rtwo\r↑↑\rdraft↑↑↓↓↓\r"));

    [Theory]
    [InlineData(8, 3)]
    [InlineData(40, 10)]
    [InlineData(80, 24)]
    public void No_row_is_wider_than_the_terminal_and_the_cursor_is_on_it(int width, int height)
    {
        var text = string.Concat(Enumerable.Repeat("word 日本語 e\u0301 \t👩‍👩‍👧\n", 12)) + new string('x', 200);
        for (var cursor = 0; cursor <= text.Length; cursor += 7)
        {
            var screen = new Screen("> ", "… ");
            var (rows, row, column) = screen.Lay(text, cursor, width);
            Assert.All(rows, r => Assert.InRange(r.GetCellWidth(), 0, width + 1));
            Assert.InRange(row, 0, rows.Count - 1);
            Assert.InRange(column, 0, width);
            Assert.InRange(screen.Draw(text, cursor, width, height).Split("\r\n").Length, 1, height - 1);
        }
    }
}
