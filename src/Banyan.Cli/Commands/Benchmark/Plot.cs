using System.Globalization;
using System.Net;
using System.Text;

namespace Banyan.Cli.Commands.Benchmark;

/// <summary>The result as a bar chart of tokens a second, with the fraction of the machine's limit beside each bar.</summary>
static class Plot
{
    const int Left = 150, BarWidth = 420, Width = Left + BarWidth + 250, RowHeight = 26;

    public static string Svg(string model, Plan plan, Result result)
    {
        var text = new StringBuilder();
        var y = 56;
        Section($"prefill, {plan.Prompt} tokens", "#2f7d4f",
            result.Depths.Select(d => ($"after {d.Depth}", d.Prefill, $"{d.PrefillOfPeak:0 %} of the products")));
        Section($"decode, {plan.Generate} tokens", "#2b6cb0",
            result.Depths.Select(d => ($"after {d.Depth + plan.Prompt}", d.Decode, $"{d.DecodeOfBandwidth:0 %} of the bandwidth")));
        Section("decode, streams together", "#805ad5",
            result.Streams.Select(s => ($"{s.Streams} stream{(s.Streams > 1 ? "s" : "")}", s.Decode, $"{s.OfOne:0.0} × one")));
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{y}" viewBox="0 0 {Width} {y}" font-family="system-ui, sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="#ffffff"/>
            <text x="16" y="28" font-size="16" font-weight="600">{WebUtility.HtmlEncode(model)}: tokens a second</text>
            {text}</svg>

            """);

        void Section(string title, string color, IEnumerable<(string Name, double Value, string Note)> bars)
        {
            var rows = bars.ToArray();
            if (rows.Length == 0)
                return;
            var largest = Math.Max(1e-9, rows.Max(r => r.Value));
            text.Append(CultureInfo.InvariantCulture, $"<text x=\"16\" y=\"{y}\" font-weight=\"600\">{title}</text>\n");
            y += 10;
            foreach (var (name, value, note) in rows)
            {
                var width = Math.Max(1, value / largest * BarWidth);
                text.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 10}\" y=\"{y + 17}\" text-anchor=\"end\">{name}</text>");
                text.Append(CultureInfo.InvariantCulture,
                    $"<rect x=\"{Left}\" y=\"{y + 3}\" width=\"{width:0.0}\" height=\"{RowHeight - 6}\" rx=\"3\" fill=\"{color}\"/>");
                text.Append(CultureInfo.InvariantCulture,
                    $"<text x=\"{Left + width + 8:0.0}\" y=\"{y + 17}\">{value:0.0} <tspan fill=\"#666\">{note}</tspan></text>\n");
                y += RowHeight;
            }
            y += 26;
        }
    }
}
