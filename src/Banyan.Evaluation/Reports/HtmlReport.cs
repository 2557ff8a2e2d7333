using System.Globalization;
using System.Net;
using System.Text;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Reports;

/// <summary>A report as one HTML file: no script, nothing loaded from elsewhere, for phones and wide screens, light and dark.</summary>
sealed class HtmlReport
{
    /// <summary>Items whose answers are shown side by side for each pair of models and task; the transcript has all.</summary>
    const int MostDifferences = 60;

    readonly StringBuilder _html = new();
    readonly EvaluationReport _report;
    readonly Func<ReportedRun, ItemOutcome, string> _answer;

    HtmlReport(EvaluationReport report, Func<ReportedRun, ItemOutcome, string> answer) => (_report, _answer) = (report, answer);

    /// <summary>The page.</summary>
    /// <param name="report">The report.</param>
    /// <param name="signer">The public key it is signed with.</param>
    /// <param name="answer">Returns a model's answer.</param>
    public static string Write(EvaluationReport report, string signer, Func<ReportedRun, ItemOutcome, string> answer)
    {
        var page = new HtmlReport(report, answer);
        page.Head();
        page.Scores();
        page.Comparisons();
        page.Twins();
        page.Grids();
        page.Answers();
        page.Provenance(signer);
        page.Line($"</main>");
        return page._html.ToString();
    }

    void Line(FormattableString text) =>
        _html.AppendLine(string.Format(CultureInfo.InvariantCulture, text.Format,
            [.. text.GetArguments().Select(a => a is string s ? WebUtility.HtmlEncode(s) : a)]));

    void Raw(string html) => _html.AppendLine(html);

    static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);

    void Head()
    {
        var title = $"{string.Join(", ", _report.Subjects)} on {string.Join(", ", _report.Tasks)}";
        Raw("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
        Line($"<title>{title}</title>");
        Raw($"<style>{Style()}</style><main>");
        Line($"<h1>{title}</h1>");
        var dates = _report.Runs.Select(r => r.Run.Ended).OfType<DateTimeOffset>().ToList();
        Line($"<p class=\"quiet\">{_report.Runs.Sum(r => r.Run.Items.Count)} answers, judged in a sandbox{(dates.Count > 0 ? $", the last of {dates.Max().UtcDateTime:yyyy-MM-dd}" : "")}. Bars are 95 % intervals: what would be seen on other items of this kind.</p>");
    }

    void Scores()
    {
        Raw("<h2>Scores</h2><div class=\"scroll\"><table class=\"cards\"><tr><th>task<th>model<th class=\"n\">pass@1<th>95 %<th class=\"plot\"><span>0</span><span>50</span><span>100 %</span><th class=\"n\">right<th class=\"n\">items</tr>");
        foreach (var task in _report.Tasks)
            foreach (var (index, run) in _report.Runs.Where(r => r.Run.Task == task).Index())
            {
                Line($"<tr{(index == 0 ? " class=first" : "")}><td class=\"head\">{(index == 0 ? task : "")}<td class=\"name\">{run.Subject}<td class=\"n\" data-l=\"pass@1\"><b>{Percent(run.PassAt1)}</b><td class=\"i\" data-l=\"95 %\">{Percent(run.Interval.Low)} … {Percent(run.Interval.High)}<td class=\"plot\">");
                Raw(IntervalPlot.Draw(run.PassAt1, run.Interval, _report.Subjects.ToList().IndexOf(run.Subject)));
                Line($"<td class=\"n\" data-l=\"right\">{run.Run.Items.Count(i => i.Passed)}{(run.Run.Endings() is { Length: > 0 } endings ? $" ({endings})" : "")}<td class=\"n\" data-l=\"items\">{run.ItemCount}{(run.ItemCount < run.Run.TaskItems ? $" of {run.Run.TaskItems}" : "")}{(run.Run.SamplesPerItem > 1 ? $" × {run.Run.SamplesPerItem}" : "")}</tr>");
                foreach (var (k, value) in run.PassAtK.Where(p => p.K > 1))
                    Line($"<tr><td><td class=\"quiet\">pass@{k}<td class=\"n\" data-l=\"pass@{k}\">{Percent(value)}<td colspan=\"4\"></tr>");
            }
        Raw("</table></div>");
    }

    void Comparisons()
    {
        if (_report.Comparisons.Count == 0)
            return;
        Raw("<h2>Compared item by item</h2>");
        foreach (var pair in _report.Comparisons.GroupBy(c => (c.A, c.B)))
        {
            Line($"<h3>{pair.Key.A} against {pair.Key.B}</h3>");
            Raw("<div class=\"scroll\"><table class=\"cards\"><tr><th>task<th class=\"n\">items<th class=\"n\">difference<th>95 %<th class=\"plot\"><span>−50</span><span>0</span><span>+50</span><th class=\"n\">only first right<th class=\"n\">only second<th class=\"n\">p (Holm)<th>the first is</tr>");
            foreach (var (_, _, task, r) in pair)
            {
                Line($"<tr class=first><td class=\"head\">{task}<td class=\"n\" data-l=\"items\">{r.Items}<td class=\"n\" data-l=\"difference\">{(100 * r.Difference).ToString("+0.0;−0.0;0.0", CultureInfo.InvariantCulture)}<td class=\"i\" data-l=\"95 %\">{Percent(r.Interval.Low)} … {Percent(r.Interval.High)}<td class=\"plot\">");
                Raw(IntervalPlot.Draw(r.Difference + 0.5, new(r.Interval.Low + 0.5, r.Interval.High + 0.5), 0, middle: true));
                Line($"<td class=\"n\" data-l=\"only first right\">{r.OnlyA}<td class=\"n\" data-l=\"only second\">{r.OnlyB}<td class=\"n\" data-l=\"p (Holm)\">{r.AdjustedPValue.ToString("G2", CultureInfo.InvariantCulture)}<td class=\"name\" data-l=\"the first is\"><b>{VerdictNames.Of(r.Verdict)}</b>{(r.Verdict == ComparisonVerdict.Undecided && r.ItemsNeeded is { } n ? $" ({n} items would tell)" : "")}</tr>");
            }
            Raw("</table></div>");
        }
        Line($"<p class=\"quiet\">Exact McNemar test (over source problems where several items stem from one) with Holm's correction over all pairs and tasks, intervals by bootstrap over source problems; non-inferior: a loss of {Percent(_report.Margin)} points or more is excluded.</p>");
    }

    void Twins()
    {
        if (_report.Gaps.Count == 0)
            return;
        Raw("<h2>Originals against twins</h2><div class=\"scroll\"><table class=\"cards\"><tr><th>task<th>model<th class=\"n\">problems<th class=\"n\">original<th class=\"n\">twin<th class=\"n\">gap<th>95 %<th class=\"plot\"><span>−50</span><span>0</span><span>+50</span><th class=\"n\">only original<th class=\"n\">only twin<th class=\"n\">p (Holm)<th>verdict</tr>");
        foreach (var (subject, gap) in _report.Gaps)
        {
            Line($"<tr class=first><td class=\"head\">{gap.Task}<td class=\"name\">{subject}<td class=\"n\" data-l=\"problems\">{gap.Problems}<td class=\"n\" data-l=\"original\">{Percent(gap.Original)}<td class=\"n\" data-l=\"twin\">{Percent(gap.Twin)}<td class=\"n\" data-l=\"gap\">{(100 * gap.Gap).ToString("+0.0;−0.0;0.0", CultureInfo.InvariantCulture)}<td class=\"i\" data-l=\"95 %\">{Percent(gap.Interval.Low)} … {Percent(gap.Interval.High)}<td class=\"plot\">");
            Raw(IntervalPlot.Draw(gap.Gap + 0.5, new(gap.Interval.Low + 0.5, gap.Interval.High + 0.5),
                _report.Subjects.ToList().IndexOf(subject), middle: true));
            Line($"<td class=\"n\" data-l=\"only original\">{gap.OnlyOriginal}<td class=\"n\" data-l=\"only twin\">{gap.OnlyTwin}<td class=\"n\" data-l=\"p (Holm)\">{gap.PValue.ToString("G2", CultureInfo.InvariantCulture)}<td class=\"name\"><b>{TwinGap.NameOf(gap.Verdict)}</b>{(gap.Verdict == TwinVerdict.Undecided ? $" ({gap.ProblemsNeeded} problems would tell)" : "")}</tr>");
        }
        Raw("</table></div>");
        Line($"<p class=\"quiet\">A twin is the same problem in other names, words and examples. A gap says that the model depends on how the known problems are put; having seen them is one reason for it.</p>");
    }

    void Grids()
    {
        Raw("<h2>Item by item</h2><p class=\"quiet\">A square is an item, in the task's order: filled where the answer is right. With several answers, the shade is the share of right ones.</p>");
        foreach (var task in _report.Tasks)
        {
            Line($"<h3>{task}</h3>");
            foreach (var run in _report.Runs.Where(r => r.Run.Task == task))
            {
                Line($"<p class=\"label\">{run.Subject}</p>");
                var squares = new StringBuilder("<div class=\"grid\">");
                foreach (var item in run.Run.Items.GroupBy(i => i.Id))
                {
                    var share = item.Count(i => i.Passed) / (double)item.Count();
                    var reason = share == 1 ? "right" : item.First(i => !i.Passed).Reason;
                    squares.Append(CultureInfo.InvariantCulture,
                        $"<i{(share == 0 ? "" : share == 1 ? " class=\"r\"" : $" class=\"r\" style=\"opacity:{0.25 + 0.75 * share:F2}\"")} title=\"{WebUtility.HtmlEncode($"{item.Key}: {reason}")}\"></i>");
                }
                Raw(squares.Append("</div>").ToString());
            }
        }
    }

    void Answers()
    {
        var pairs = _report.Comparisons.Where(c => c.Result.OnlyA + c.Result.OnlyB > 0).ToList();
        if (pairs.Count == 0)
            return;
        Raw("<h2>Where they differ</h2>");
        foreach (var (a, b, task, result) in pairs)
        {
            var (left, right) = (_report.Find(a, task)!, _report.Find(b, task)!);
            var others = right.Run.Items.Where(i => i.Sample == 0).ToDictionary(i => i.Id);
            var differing = left.Run.Items.Where(i => i.Sample == 0 && i.Passed != others[i.Id].Passed).ToList();
            Line($"<h3>{task}: {a} against {b}</h3>");
            foreach (var item in differing.Take(MostDifferences))
            {
                var other = others[item.Id];
                Line($"<details><summary>{item.Id} <span class=\"quiet\">{(item.Passed ? "only the first is right" : "only the second is right")}: {(item.Passed ? other.Reason : item.Reason)}</span></summary><div class=\"pair\"><b>{a}</b><b>{b}</b>");
                foreach (var line in LineDifference.Of(_answer(left, item), _answer(right, other)))
                    Line($"<pre{(line.Same ? "" : line.Left is null ? " class=none" : " class=a")}>{line.Left ?? ""}</pre><pre{(line.Same ? "" : line.Right is null ? " class=none" : " class=b")}>{line.Right ?? ""}</pre>");
                Raw("</div></details>");
            }
            if (differing.Count > MostDifferences)
                Line($"<p class=\"quiet\">… and {differing.Count - MostDifferences} items more; the transcripts have every answer.</p>");
        }
    }

    void Provenance(string signer)
    {
        Raw("<h2>What it rests on</h2><div class=\"scroll\"><table><tr><th>run<th>asked for<th>answered<th>prompt<th>sampling<th>seed<th>data, prompts (SHA-256)<th>harness</tr>");
        foreach (var run in _report.Runs.Select(r => r.Run))
            Line($"<tr class=first><td>{run.Task}<td>{run.RequestedModel}{(run.Origin is { } origin ? $" at {origin}" : "")}<td>{run.Model}{(run.Fingerprints.Count > 0 ? $" ({string.Join(", ", run.Fingerprints)})" : "")}<td>{run.Prompt}<td>T {run.Sampling.Temperature}, top-p {run.Sampling.TopP}, ≤ {run.Sampling.MaxTokens} tokens{(run.NotAccepted.Count > 0 ? $"; not accepted: {string.Join(", ", run.NotAccepted)}" : "")}<td>{run.Sampling.Seed?.ToString(CultureInfo.InvariantCulture) ?? "none"}<td><code>{run.Hashes.Data[..Math.Min(12, run.Hashes.Data.Length)]}…</code> <code>{run.Hashes.Prompts[..Math.Min(12, run.Hashes.Prompts.Length)]}…</code><td>{run.Hashes.Harness}</tr>");
        Raw("</table></div><ul>");
        foreach (var transcript in _report.Transcripts)
            Line($"<li>{transcript.File}: {transcript.Answers} answers, SHA-256 <code>{transcript.Sha256}</code></li>");
        Raw("</ul>");
        Line($"<p>Signed in <code>report.json</code> with Ed25519 by <code>{signer}</code>. <code>banyan eval verify</code> checks the signature and judges every answer again.</p>");
    }

    static string Style()
    {
        using var reader = new StreamReader(typeof(HtmlReport).Assembly.GetManifestResourceStream("Report.css")!);
        return reader.ReadToEnd();
    }
}
