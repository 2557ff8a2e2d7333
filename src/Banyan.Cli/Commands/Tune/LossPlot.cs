using System.Globalization;
using System.Text;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The curve of a run in a terminal: losses as dots of Braille, eight per character; held-out losses as ●.</summary>
static class LossPlot
{
    const int LabelWidth = 8, DotsAcross = 2, DotsDown = 4;

    // The bits of a Braille character by column and row of its dots (Unicode, "Braille Patterns").
    static readonly int[][] s_bits = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

    /// <summary>The lines of a plot.</summary>
    /// <param name="losses">The loss after each step, by the step's number.</param>
    /// <param name="heldOut">Held-out losses, by step.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="width">Characters across; at least 24.</param>
    /// <param name="height">Lines, the last of which shows the steps; at least 3.</param>
    public static IReadOnlyList<string> Lines(IReadOnlyList<(int Step, double Loss)> losses, IReadOnlyList<(int Step, double Loss)> heldOut,
        int steps, int width, int height)
    {
        var all = losses.Concat(heldOut).Where(p => double.IsFinite(p.Loss)).ToList();
        if (all.Count == 0)
            return [];
        var (columns, rows) = (width - LabelWidth - 1, height - 1);
        var (low, high) = (all.Min(p => p.Loss), all.Max(p => p.Loss));
        if (high - low < 1e-9)
            (low, high) = (low - 0.5, high + 0.5);
        var cells = new int[rows, columns];
        // Of several steps in one column of dots, the mean.
        foreach (var dots in losses.Where(p => double.IsFinite(p.Loss)).GroupBy(p => At(p.Step, columns * DotsAcross)))
        {
            var y = Down(dots.Average(p => p.Loss), rows * DotsDown);
            cells[y / DotsDown, dots.Key / DotsAcross] |= s_bits[dots.Key % DotsAcross][y % DotsDown];
        }
        var marks = heldOut.Where(p => double.IsFinite(p.Loss)).Select(p => (Down(p.Loss, rows), At(p.Step, columns))).ToHashSet();
        var lines = new List<string>();
        for (var row = 0; row < rows; row++)
        {
            var label = row == 0 ? high : row == rows - 1 ? low : (double?)null;
            var line = new StringBuilder((label is { } number ? Number(number) : "").PadLeft(LabelWidth)).Append('│');
            for (var column = 0; column < columns; column++)
                line.Append(marks.Contains((row, column)) ? '●' : cells[row, column] == 0 ? ' ' : (char)(0x2800 + cells[row, column]));
            lines.Add(line.ToString().TrimEnd());
        }
        var last = $"step {steps}";
        lines.Add(new string(' ', LabelWidth) + "└"
            + $"loss ⠶{(heldOut.Count > 0 ? "  held out ●" : "")}".PadRight(Math.Max(0, columns - last.Length)) + last);
        return lines;

        int At(int step, int across) => Math.Clamp((int)((long)step * (across - 1) / Math.Max(1, steps)), 0, across - 1);
        int Down(double loss, int down) => Math.Clamp((int)Math.Round((high - loss) / (high - low) * (down - 1)), 0, down - 1);
    }

    static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "f0" : "f3", CultureInfo.InvariantCulture);
}
