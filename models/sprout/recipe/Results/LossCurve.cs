using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Banyan.Sprout.Results;

/// <summary>Draws what <c>banyan tune --json</c> printed as an SVG: losses in nats a token, of training and of what is held out, against tokens seen.</summary>
internal static class LossCurve
{
    private const double Width = 860, Height = 430, Left = 60, Right = 800, Top = 40, Bottom = 375;
    private const double LeastLoss = 2, MostLoss = 8;
    private const int Mean = 20; // steps

    public static void Draw(string eventsPath, string svgPath)
    {
        var rows = Read(eventsPath);
        double most = Math.Max(1, Math.Ceiling(rows[^1].Tokens));
        double X(double tokens) => Left + ((Right - Left) * tokens / most);
        double Loss(double loss) => Bottom - ((Bottom - Top) * (loss - LeastLoss) / (MostLoss - LeastLoss));

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
        }

        double tick = most > 12 ? 2 : 1;
        for (double tokens = 0; tokens <= most; tokens += tick)
        {
            Add($"<text x='{X(tokens):F1}' y='{Bottom + 18}' text-anchor='middle' fill='#333'>{tokens}</text>");
        }

        Line("#1f6f43", rows.Select(r => (X(r.Tokens), Loss(r.Loss))));
        Line("#b3261e", rows.Where(r => r.HeldOut is not null).Select(r => (X(r.Tokens), Loss(r.HeldOut!.Value))));
        Add($"<text x='{(Left + Right) / 2}' y='{Bottom + 42}' text-anchor='middle' fill='#333'>million tokens seen</text>");
        Add($"<text x='{Left}' y='{Top - 16}' fill='#1f6f43'>training loss (nats a token, mean of {Mean} steps)</text>");
        Add($"<text x='{Right}' y='{Top - 16}' text-anchor='end' fill='#b3261e'>held-out records</text>");
        Add($"</svg>");
        File.WriteAllText(svgPath, svg.ToString());
    }

    private static List<Row> Read(string eventsPath)
    {
        var (rows, sum, count, tokens) = (new List<Row>(), 0.0, 0, 0.0);
        foreach (var step in File.ReadLines(eventsPath).Select(line => JsonNode.Parse(line)!))
        {
            (sum, count, tokens) = (sum + step["loss"]!.GetValue<double>(), count + 1, tokens + step["tokens"]!.GetValue<double>());
            double? heldOut = step["held_out"]?.GetValue<double>();
            if (count == Mean || heldOut is not null)
            {
                rows.Add(new Row(tokens / 1e6, sum / count, heldOut));
                (sum, count) = (0, 0);
            }
        }

        return rows;
    }

    private sealed record Row(double Tokens, double Loss, double? HeldOut);
}
