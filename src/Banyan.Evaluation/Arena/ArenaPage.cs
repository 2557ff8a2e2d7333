using System.Globalization;
using System.Net;
using System.Text;

namespace Banyan.Evaluation.Arena;

/// <summary>The arena as pages: a form, no script.</summary>
public static class ArenaPage
{
    /// <summary>Two answers to vote on, and what the last vote revealed.</summary>
    /// <param name="round">The round.</param>
    /// <param name="last">The last vote's models; null before the first.</param>
    /// <param name="note">Something to say, e.g. that a vote came twice.</param>
    public static string Round(ArenaRound round, (Choice Choice, Revealed Models)? last, string? note = null)
    {
        var told = last is ({ } choice, { Left: { } left, Right: { } right })
            ? "<p class=\"told\" role=\"status\">" + (choice switch
            {
                Choice.Left => $"You preferred <b>{Text(left)}</b> to <b>{Text(right)}</b>.",
                Choice.Right => $"You preferred <b>{Text(right)}</b> to <b>{Text(left)}</b>.",
                _ => $"You preferred neither: left was <b>{Text(left)}</b>, right <b>{Text(right)}</b>.",
            }) + "</p>"
            : note is not null ? $"<p class=\"told\" role=\"status\">{Text(note)}</p>" : "";
        return Shell("Which answer is better?", $"""
            {told}
            <h2>{Text(round.Question.Id)}</h2>
            <pre class="question">{Text(round.Question.Text)}</pre>
            <form method="post" action="/arena">
            <input type="hidden" name="round" value="{round.Id}">
            <div class="answers">
            <section><h3>Left</h3><pre>{Text(round.Left)}</pre></section>
            <section><h3>Right</h3><pre>{Text(round.Right)}</pre></section>
            </div>
            <p class="votes"><button name="choice" value="left">Left is better</button><button name="choice" value="tie">Equally good</button><button name="choice" value="neither">Neither</button><button name="choice" value="right">Right is better</button></p>
            </form>
            <p><a href="/arena">Another one</a> · <a href="/arena/standings">Standings</a></p>
            """);
    }

    /// <summary>Who stands where.</summary>
    public static string Standings(IReadOnlyList<Standing> standings, int votes)
    {
        var rows = new StringBuilder();
        foreach (var s in standings)
            rows.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(s.Model)}<td>{s.Rating:F0}<td>{s.Interval.Low:F0} … {s.Interval.High:F0}<td>{s.Wins}<td>{s.Losses}<td>{s.Ties}<td>{(s.FlipsToLosePlace is { } flips ? $"{flips}" : "")}</tr>\n");
        return Shell("Standings", $"""
            <p>{votes} votes, by the model of Bradley and Terry; 1000 is average, 400 points are odds of ten to one, intervals 95 % (bootstrap over votes).
            The last column says how few votes, turned round, would put the next model first: where it is few, the order says little.</p>
            <div class="scroll"><table><tr><th>model<th>rating<th>95 %<th>won<th>lost<th>ties<th>votes that decide</tr>
            {rows}</table></div>
            <p><a href="/arena">Vote</a></p>
            """);
    }

    /// <summary>The pages' style sheet.</summary>
    public static string Style => """
        :root{color-scheme:light dark;--ground:#fff;--ink:#1c1e21;--quiet:#636a73;--line:#d9dde2;--box:#f5f6f8;--accent:#2a7de1}
        @media(prefers-color-scheme:dark){:root{--ground:#15171a;--ink:#e4e6e9;--quiet:#98a0aa;--line:#33383f;--box:#1d2024;--accent:#5a9df0}}
        *{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1100px;margin:0 auto;padding:16px}h1{font-size:1.4rem;margin:.4rem 0}h2{font-size:1rem;color:var(--quiet);margin:.8rem 0 .3rem}h3{margin:0 0 .4rem;font-size:1rem}
        pre{margin:0;padding:10px;background:var(--box);border:1px solid var(--line);border-radius:6px;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
        .question{max-height:18rem;overflow:auto}.answers{display:grid;grid-template-columns:1fr 1fr;gap:12px;margin-top:12px}section{min-width:0}
        .votes{display:flex;flex-wrap:wrap;gap:8px;position:sticky;bottom:0;background:var(--ground);padding:10px 0;margin:0}
        button{flex:1 1 9rem;padding:10px;font:inherit;color:var(--ink);background:var(--box);border:1px solid var(--line);border-radius:6px;cursor:pointer}button:hover,button:focus-visible{border-color:var(--accent)}
        .told{padding:8px 12px;border-left:3px solid var(--accent);background:var(--box)}a{color:var(--accent)}
        .scroll{overflow-x:auto}table{border-collapse:collapse}th,td{padding:5px 14px 5px 0;text-align:right;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}th{font-weight:500;color:var(--quiet)}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
        @media(max-width:640px){.answers{grid-template-columns:1fr}button{flex-basis:40%}}
        """;

    static string Shell(string title, string content) => $"""
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{title} · Banyan</title>
        <link rel="stylesheet" href="/arena/arena.css"><main><h1>{title}</h1>
        {content}
        </main></html>
        """;

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
