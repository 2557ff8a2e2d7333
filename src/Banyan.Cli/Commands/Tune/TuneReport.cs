using System.Globalization;
using System.Net;
using System.Text;
using Banyan.Training;

namespace Banyan.Cli.Commands.Tune;

/// <summary>
/// A run as one HTML file: curves, samples before and after, throughput, settings. No script, nothing loaded from elsewhere.
/// </summary>
sealed class TuneReport
{
    const int Width = 760, Height = 260, Left = 56, Right = 12, Top = 12, Bottom = 34;

    readonly StringBuilder _html = new();

    /// <summary>The page.</summary>
    /// <param name="trainer">The run so far.</param>
    /// <param name="names">The names of its inputs.</param>
    /// <param name="result">The result; null if the run was stopped.</param>
    /// <param name="samples">Before and after.</param>
    /// <param name="settings">The settings file that repeats the run.</param>
    public static string Html(Trainer trainer, TuneNames names, WrittenFolder? result, IReadOnlyList<TuneSample> samples, string settings)
    {
        var page = new TuneReport();
        page.Head(trainer, names);
        page.Result(trainer, result);
        page.Curves(trainer);
        page.Samples(samples);
        page.Line($"<h2>Settings</h2><pre>{settings}</pre></main></html>");
        return page._html.ToString();
    }

    void Line(FormattableString text) =>
        _html.AppendLine(string.Format(CultureInfo.InvariantCulture, text.Format,
            [.. text.GetArguments().Select(a => a is string s ? WebUtility.HtmlEncode(s) : a)]));

    void Raw(string html) => _html.AppendLine(html);

    void Head(Trainer trainer, TuneNames names)
    {
        Raw("""
            <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            """);
        Line($"<title>{names.BaseName} on {names.DataName}</title>");
        Raw("""
            <style>
            :root { color-scheme: light dark; --text: #1c1c1c; --quiet: #666; --line: #ddd; --page: #fff; --loss: #2b6cb0; --held: #c05621; --speed: #2f7d4f }
            @media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --quiet: #aaa; --line: #444; --page: #181818; --loss: #63a4e8; --held: #ed8936; --speed: #58b37f } }
            body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
            main { max-width: 60rem; margin: auto; padding: 1rem }
            h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } .quiet, .quiet td { color: var(--quiet) }
            table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
            svg { width: 100%; height: auto; max-width: 760px } svg text { fill: var(--quiet); font-size: 12px }
            pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .5rem; padding: .6rem; border: 1px solid var(--line); border-radius: 4px; font-size: .85rem }
            .sample { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .5rem } .sample h3 { font-size: .9rem; margin: 0 }
            </style><main>
            """);
        Line($"<h1>{names.BaseName} on {names.DataName}</h1>");
        var (p, options) = (trainer.Plan, trainer.Options);
        Line($"<p class=\"quiet\">Written {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC.</p>");
        Line($"<p class=\"quiet\">{p.TrainableParameters:N0} trained parameters ({TuneFile.MethodName(options)}), step {trainer.Step:N0} of {p.Steps:N0}; {p.Samples:N0} samples with {p.Tokens:N0} tokens, {p.TargetTokens:N0} of them targets; memory {Sizes.Bytes(p.MemoryBytes)}.</p>");
    }

    void Result(Trainer trainer, WrittenFolder? result)
    {
        if (result?.Comparison is { } c)
            Line($"<p>Held out: <b>{c.Base:f3}</b> nats a target before, <b>{c.Tuned:f3}</b> after: <b>{c.Verdict}</b> (95 % interval of the difference {c.Low:f3} … {c.High:f3}, {c.Texts:N0} texts).</p>");
        else if (trainer.HeldOut is { } after)
            Line($"<p>Held out: <b>{trainer.HeldOutBefore:f3}</b> before, <b>{after:f3}</b> {(result is null ? "so far" : "after")}.</p>");
        if (result is not null)
            Line($"<p class=\"quiet\">Written and read back: {string.Join(", ", result.Files)}; at most {result.LargestDifference:g2} nats from the trainer.</p>");
    }

    void Curves(Trainer trainer)
    {
        var history = trainer.History;
        if (history.Count == 0)
            return;
        Raw("<h2>Loss</h2>");
        var losses = history.Select(s => ((double)s.Step, s.Loss)).ToList();
        var heldOut = TuneView.HeldOut(trainer).Select(p => ((double)p.Step, p.Loss)).ToList();
        Chart(trainer.Plan.Steps, "nats", "step", [("--loss", "loss of a step", losses, false), ("--held", "held out", heldOut, true)]);
        if (history.Any(s => s.Margin is not null))
        {
            Raw("<h2>Margin of the chosen answer</h2>");
            Chart(trainer.Plan.Steps, "", "step",
                [("--loss", "margin",
                    [.. history.Where(s => s.Margin is not null).Select(s => ((double)s.Step, s.Margin!.Value))], false)]);
        }
        // a checkpoint has none
        var speeds = history.Where(s => s.TokensPerSecond > 0).Select(s => ((double)s.Step, s.TokensPerSecond)).ToList();
        if (speeds.Count == 0)
            return;
        Raw("<h2>Throughput</h2>");
        Chart(trainer.Plan.Steps, "tokens/s", "step", [("--speed", "tokens a second", speeds, false)]);
        Line($"<p class=\"quiet\">{speeds.Average(s => s.Item2):F0} tokens a second over {speeds.Count:N0} steps of this call.</p>");
    }

    // Of a long run as many points as there is width.
    static IEnumerable<(double X, double Y)> Some(List<(double X, double Y)> points)
    {
        var every = Math.Max(1, points.Count / Width);
        return points.Where((_, i) => i % every == 0 || i == points.Count - 1);
    }

    void Chart(int steps, string unit, string across,
        IReadOnlyList<(string Colour, string Name, List<(double X, double Y)> Points, bool Dots)> series)
    {
        var all = series.SelectMany(s => s.Points).ToList();
        var (low, high) = (all.Min(p => p.Y), all.Max(p => p.Y));
        (low, high) = (low > 0 && low < high / 2 ? 0 : low, high - low < 1e-9 ? high + 1 : high);
        double X(double x) => Left + x / Math.Max(1, steps) * (Width - Left - Right);
        double Y(double y) => Top + (high - y) / (high - low) * (Height - Top - Bottom);
        Raw($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(string.Join(", ", series.Select(s => s.Name)))}\">");
        for (var i = 0; i <= 4; i++)
        {
            var value = low + (high - low) * i / 4;
            Line($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(value):f1}\" y2=\"{Y(value):f1}\" stroke=\"var(--line)\"/><text x=\"{Left - 6}\" y=\"{Y(value) + 4:f1}\" text-anchor=\"end\">{value:g4}</text>");
        }
        foreach (var i in new[] { 0, steps / 2, steps }.Distinct())
            Line($"<text x=\"{X(i):f1}\" y=\"{Height - 16}\" text-anchor=\"middle\">{i}</text>");
        Line($"<text x=\"{Left}\" y=\"{Height - 2}\">{across}, {unit}</text>");
        var legend = Left + 120.0;
        foreach (var (colour, name, points, dots) in series.Where(s => s.Points.Count > 0))
        {
            Line($"<polyline fill=\"none\" stroke=\"var({colour})\" stroke-width=\"{(dots ? 2 : 1.2)}\" points=\"{string.Join(' ', Some(points).Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):f1},{Y(p.Y):f1}")))}\"/>");
            if (dots)
                foreach (var (x, y) in points)
                    Line($"<circle cx=\"{X(x):f1}\" cy=\"{Y(y):f1}\" r=\"3.5\" fill=\"var({colour})\"/>");
            Line($"<circle cx=\"{legend:f0}\" cy=\"{Height - 6}\" r=\"4\" fill=\"var({colour})\"/><text x=\"{legend + 8:f0}\" y=\"{Height - 2}\">{name}</text>");
            legend += 150;
        }
        Raw("</svg>");
    }

    void Samples(IReadOnlyList<TuneSample> samples)
    {
        if (samples.Count == 0)
            return;
        Raw("<h2>Before and after</h2>");
        foreach (var sample in samples)
        {
            Line($"<pre>{sample.Prompt}</pre><div class=\"sample\">");
            foreach (var (head, text) in new[] { ("before", sample.Before), ("after", sample.After), ("in the data", sample.Expected) })
                Line($"<div><h3>{head}</h3><pre>{text}</pre></div>");
            Raw("</div>");
        }
    }
}
