using System.Globalization;
using System.Net;
using System.Text;

namespace Banyan.Evaluation.Arena;

/// <summary>The arena as page contents: a form, no script. Frame and colours come from the hosting site.</summary>
public static class ArenaPage
{
    /// <summary>Two answers to vote on, and what the last vote revealed.</summary>
    /// <param name="round">The round.</param>
    /// <param name="last">The last vote's models; null before the first.</param>
    /// <param name="note">A note to show, e.g. that a vote was sent twice.</param>
    /// <param name="formField">HTML that belongs into the form, such as a hidden field of the hosting site.</param>
    public static string Round(ArenaRound round, (Choice Choice, Revealed Models)? last, string? note = null, string formField = "") => Question(round.Question, last, note) + Answers(round, formField);

    /// <summary>The start of the page, while the models answer.</summary>
    /// <param name="question">What they are asked.</param>
    /// <param name="last">The last vote's models; null before the first.</param>
    /// <param name="note">A note to show, e.g. that a vote was sent twice.</param>
    public static string Question(ArenaQuestion question, (Choice Choice, Revealed Models)? last, string? note = null)
    {
        var told = last is ({ } choice, { Left: { } left, Right: { } right })
            ? "<p class=\"told\" role=\"status\">" + (choice switch
            {
                Choice.Left => $"You preferred <b>{Text(left)}</b> to <b>{Text(right)}</b>.",
                Choice.Right => $"You preferred <b>{Text(right)}</b> to <b>{Text(left)}</b>.",
                _ => $"You preferred neither: left was <b>{Text(left)}</b>, right <b>{Text(right)}</b>.",
            }) + "</p>"
            : note is not null ? $"<p class=\"told\" role=\"status\">{Text(note)}</p>" : "";
        return $"""
            <div class="intro"><h1>Which answer is better?</h1><p>Two models answered; which is which you are told after your vote.</p></div>
            {told}
            <section class="pane"><h2 class="bar">{Text(question.Id)}</h2><pre class="question">{Text(question.Text)}</pre></section>
            <p class="waiting" role="status">Both models are answering. Their answers are shown together, so that their speed tells nothing of who they are.</p>

            """;
    }

    /// <summary>The rest of the page, once they have answered.</summary>
    /// <param name="round">The round.</param>
    /// <param name="formField">HTML that belongs into the form, such as a hidden field of the hosting site.</param>
    public static string Answers(ArenaRound round, string formField = "") => $"""
        <form method="post" action="/arena">{formField}
        <input type="hidden" name="round" value="{round.Id}">
        <div class="answers">
        <section class="pane"><h2 class="bar">Left</h2><pre>{Text(round.Left)}</pre></section>
        <section class="pane"><h2 class="bar">Right</h2><pre>{Text(round.Right)}</pre></section>
        </div>
        <p class="votes"><button name="choice" value="left">Left is better</button><button name="choice" value="tie">Equally good</button><button name="choice" value="neither">Neither</button><button name="choice" value="right">Right is better</button></p>
        </form>
        <p><a href="/arena">Another one</a></p>

        """;

    /// <summary>Shown instead of <see cref="Answers"/> if a model could not answer.</summary>
    public static string Failed(string message) => $"""<form action="/arena"><p class="error" role="alert">A model could not answer: {Text(message)}</p><button>Try another one</button></form>""";

    /// <summary>The standings.</summary>
    public static string Standings(IReadOnlyList<Standing> standings, int votes)
    {
        var rows = new StringBuilder();
        foreach (var s in standings)
            rows.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(s.Model)}<td>{s.Rating:F0}<td>{s.Interval.Low:F0} … {s.Interval.High:F0}<td>{s.Wins}<td>{s.Losses}<td>{s.Ties}<td>{(s.FlipsToLosePlace is { } flips ? $"{flips}" : "")}</tr>\n");
        return $"""
            <div class="intro"><h1>Standings</h1>
            <p>{votes} votes, by the model of Bradley and Terry; 1000 is average, 400 points are odds of ten to one, intervals 95 % (bootstrap over votes).
            The last column says how few votes, turned round, would put the next model first: where it is few, the order says little.</p></div>
            <div class="scroll pane"><table><tr><th>model<th>rating<th>95 %<th>won<th>lost<th>ties<th>votes that decide</tr>
            {rows}</table></div>

            """;
    }

    /// <summary>Additions to the hosting site's style sheet, in its colours.</summary>
    public static string Style => """
        .told{padding:.6rem 1rem;border-left:3px solid var(--leaf);background:var(--glow);border-radius:.3rem}
        .waiting{color:var(--soft)}.waiting:has(~ form){display:none}
        .waiting::after{content:"";display:inline-block;width:.5em;height:1em;margin-left:.5em;vertical-align:-.15em;background:var(--leaf);animation:blink 1s steps(2) infinite}
        .pane h2{margin:0;font-size:.875rem}pre{margin:0;padding:.85rem 1rem;font:.875rem/1.6 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
        .question{max-height:18rem;overflow:auto}.answers{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin-top:1rem}
        .votes{display:flex;flex-wrap:wrap;gap:.6rem;position:sticky;bottom:0;background:var(--ground);padding:.75rem 0;margin:0}.votes button{flex:1 1 9rem}
        .scroll{overflow-x:auto}table{border-collapse:collapse;margin:.4rem 1rem}th,td{padding:.4rem 1rem .4rem 0;text-align:right;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
        th{font-weight:500;color:var(--soft)}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}tr:last-child td{border:0}
        @media(max-width:40rem){.answers{grid-template-columns:1fr}.votes button{flex-basis:40%}}
        """;

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
