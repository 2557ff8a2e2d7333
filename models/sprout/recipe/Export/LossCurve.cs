using System.Globalization;
using System.Text;

namespace Banyan.Sprout.Export;

/// <summary>Draws loss.csv as an SVG: training loss in nats a token (left axis), held-out bits a byte (right axis), against tokens seen.</summary>
internal static class LossCurve
{
    private const double Width = 860, Height = 430, Left = 60, Right = 800, Top = 40, Bottom = 375;
    private const double LeastLoss = 2, MostLoss = 8, LeastBits = 1, MostBits = 4;

    public static void Draw(string csvPath, string svgPath)
    {
        var rows = Read(csvPath);
        double most = Math.Max(1, Math.Ceiling(rows[^1].Tokens));
        double X(double tokens) => Left + ((Right - Left) * tokens / most);
        double Loss(double loss) => Bottom - ((Bottom - Top) * (loss - LeastLoss) / (MostLoss - LeastLoss));
        double Bits(double bits) => Bottom - ((Bottom - Top) * (bits - LeastBits) / (MostBits - LeastBits));

        var svg = new StringBuilder();
        void Add(FormattableString text) => svg.AppendLine(text.ToString(CultureInfo.InvariantCulture));
        void Line(string colour, IEnumerable<(double X, double Y)> points) =>
            Add($"<polyline fill='none' stroke='{colour}' stroke-width='1.6' points='{string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:F1},{Math.Clamp(p.Y, Top, Bottom):F1}")))}'/>");

        Add($"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {Width} {Height}' font-family='sans-serif' font-size='13'>");
        Add($"<rect width='{Width}' height='{Height}' fill='white'/>");
        for (int i = 0; i <= 6; i++)
        {
            double loss = LeastLoss + i, y = Loss(loss);
            Add($"<line x1='{Left}' x2='{Right}' y1='{y:F1}' y2='{y:F1}' stroke='#e2e2e2'/>");
            Add($"<text x='{Left - 8}' y='{y + 4:F1}' text-anchor='end' fill='#333'>{loss}</text>");
            Add($"<text x='{Right + 8}' y='{y + 4:F1}' fill='#b3261e'>{LeastBits + (i * (MostBits - LeastBits) / 6):F1}</text>");
        }

        double tick = most > 12 ? 2 : 1;
        for (double tokens = 0; tokens <= most; tokens += tick)
        {
            Add($"<text x='{X(tokens):F1}' y='{Bottom + 18}' text-anchor='middle' fill='#333'>{tokens}</text>");
        }

        double barY = Bits(1.5);
        Add($"<line x1='{Left}' x2='{Right}' y1='{barY:F1}' y2='{barY:F1}' stroke='#b3261e' stroke-dasharray='4 4'/>");
        Line("#1f6f43", rows.Select(r => (X(r.Tokens), Loss(r.Plain))));
        Line("#8a6d1f", rows.Select(r => (X(r.Tokens), Loss(r.Fim))));
        Line("#b3261e", rows.Where(r => r.HeldOut is not null).Select(r => (X(r.Tokens), Bits(r.HeldOut!.Value))));
        Add($"<text x='{(Left + Right) / 2}' y='{Bottom + 42}' text-anchor='middle' fill='#333'>million tokens seen</text>");
        Add($"<text x='{Left}' y='{Top - 16}' fill='#1f6f43'>training loss, plain code (nats a token)</text>");
        Add($"<text x='{Left + 290}' y='{Top - 16}' fill='#8a6d1f'>fill-in-the-middle samples</text>");
        Add($"<text x='{Right}' y='{Top - 16}' text-anchor='end' fill='#b3261e'>held-out files (bits a byte; dashes: 1.5)</text>");
        Add($"</svg>");
        File.WriteAllText(svgPath, svg.ToString());
    }

    private static List<Row> Read(string csvPath)
    {
        var rows = new List<Row>();
        foreach (string[] cells in File.ReadLines(csvPath).Skip(1).Select(line => line.Split(',')))
        {
            double tokens = Number(cells[1]) / 1e6;
            rows.RemoveAll(row => row.Tokens >= tokens); // a run that was resumed goes over its last steps again
            rows.Add(new Row(tokens, Number(cells[4]), Number(cells[5]), cells[6].Length > 0 ? Number(cells[6]) : null));
        }

        return rows;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private sealed record Row(double Tokens, double Plain, double Fim, double? HeldOut);
}
