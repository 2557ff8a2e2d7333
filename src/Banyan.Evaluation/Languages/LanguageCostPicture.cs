using System.Globalization;
using System.Net;
using System.Text;

namespace Banyan.Evaluation.Languages;

/// <summary>
/// Language costs as a picture: a bar for each language and model, in one SVG that follows the reader's light or dark mode.
/// </summary>
public static class LanguageCostPicture
{
    const int Left = 96, Right = 56, Width = 640, Bar = 12, Gap = 8, Top = 56, MostModels = 6;
    static readonly string[] s_colours = ["#2a7de1", "#e07b39", "#3aa76d", "#b5519c", "#8a8f2a", "#7a6ff0"];

    /// <summary>Draws up to six models.</summary>
    public static string Draw(IReadOnlyList<(string Model, IReadOnlyList<LanguageCost> Costs)> models)
    {
        if (models.Count is 0 or > MostModels)
            throw new EvaluationException($"a picture shows 1 to {MostModels} models, not {models.Count}");
        var languages = models[0].Costs.Select((c, i) => (c.Language, Index: i)).OrderBy(l => models[0].Costs[l.Index].Ratio).ToList();
        var most = Math.Max(2, models.Max(m => m.Costs.Max(c => c.Ratio)));
        var group = models.Count * Bar + Gap;
        var top = Top + 18 * models.Count;
        var height = top + languages.Count * group + 24;
        double X(double ratio) => Left + ratio / most * (Width - Left - Right);
        var svg = new StringBuilder();
        void Write(FormattableString text) => svg.AppendLine(text.ToString(CultureInfo.InvariantCulture));
        Write($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Tokens for the same text, as a multiple of English">""");
        svg.AppendLine(
            """<style>text{fill:#222}.axis{stroke:#8886}.ground{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.ground{fill:#16181b}}</style><rect class="ground" width="100%" height="100%"/>""");
        Write($"""<text x="{Left}" y="22" font-size="15" font-weight="600">Tokens for the same text, as a multiple of English</text>""");
        Write($"""<text x="{Left}" y="40">so much more context, time and money it takes</text>""");
        foreach (var (index, (model, _)) in models.Index())
            Write($"""<rect x="{Left}" y="{Top + 18 * index - 6}" width="12" height="12" rx="2" fill="{s_colours[index]}"/><text x="{Left + 18}" y="{Top + 18 * index + 4}">{WebUtility.HtmlEncode(model)}</text>""");
        for (var tick = 0; tick <= most; tick += most > 12 ? 5 : most > 6 ? 2 : 1)
            Write($"""<line class="axis" x1="{X(tick):F1}" x2="{X(tick):F1}" y1="{top}" y2="{height - 20}"/><text x="{X(tick):F1}" y="{height - 6}" text-anchor="middle">{tick}×</text>""");
        foreach (var (row, (language, index)) in languages.Index())
        {
            var y = top + row * group + Gap / 2;
            Write($"""<text x="{Left - 8}" y="{y + models.Count * Bar / 2 + 4}" text-anchor="end">{language.Name}</text>""");
            foreach (var (m, (_, costs)) in models.Index())
                Write($"""<rect x="{Left}" y="{y + m * Bar}" width="{X(costs[index].Ratio) - Left:F1}" height="{Bar - 2}" rx="2" fill="{s_colours[m]}"/><text x="{X(costs[index].Ratio) + 4:F1}" y="{y + m * Bar + 9}" font-size="10">{costs[index].Ratio:F2}</text>""");
        }
        return svg.AppendLine("</svg>").ToString();
    }
}
