using System.Globalization;
using System.Net;
using System.Text;
using Banyan.Evaluation.Arena;
using Banyan.Server.Pages.Languages;

namespace Banyan.Cli.Commands.Eval;

/// <summary>
/// The arena as page contents, in the visitor's language: a form, no script. Frame and colours come from the hosting site.
/// </summary>
sealed class ArenaPage(PageLanguage language)
{
    PageLanguage T => language;

    /// <summary>The start of the page, while the models answer.</summary>
    /// <param name="question">What they are asked.</param>
    /// <param name="last">The last vote's models; null before the first.</param>
    /// <param name="note">A note to show, e.g. that a vote was sent twice.</param>
    public string Question(ArenaQuestion question, (Choice Choice, Revealed Models)? last, string? note = null)
    {
        var told = last is ({ } choice, { Left: { } left, Right: { } right })
            ? "<p class=\"told\" role=\"status\">" + choice switch
            {
                Choice.Left => Names("arena.preferred", ("better", left), ("worse", right)),
                Choice.Right => Names("arena.preferred", ("better", right), ("worse", left)),
                _ => Names("arena.preferred_none", ("left", left), ("right", right)),
            } + "</p>"
            : note is not null ? $"<p class=\"told\" role=\"status\">{Text(note)}</p>" : "";
        return $"""
            <div class="intro"><h1>{Text(T["arena.which"])}</h1><p>{Text(T["arena.blind"])}</p></div>
            {told}
            <section class="pane"><h2 class="bar">{Text(question.Id)}</h2><pre class="question">{Text(question.Text)}</pre></section>
            <p class="waiting" role="status">{Text(T["arena.answering"])}</p>

            """;
    }

    /// <summary>The rest of the page, once they have answered.</summary>
    /// <param name="round">The round.</param>
    /// <param name="formField">HTML that belongs into the form, such as a hidden field of the hosting site.</param>
    public string Answers(ArenaRound round, string formField = "") => $"""
        <form method="post" action="/arena">{formField}
        <input type="hidden" name="round" value="{round.Id}">
        <div class="answers">
        <section class="pane"><h2 class="bar">{Text(T["arena.left"])}</h2>{Answer(round.Left, $"/arena/answer/{round.Id}/left", T["arena.left"])}</section>
        <section class="pane"><h2 class="bar">{Text(T["arena.right"])}</h2>{Answer(round.Right, $"/arena/answer/{round.Id}/right", T["arena.right"])}</section>
        </div>
        <p class="votes"><button name="choice" value="left">{Text(T["arena.left_better"])}</button><button name="choice" value="tie">{Text(T["arena.tie"])}</button><button name="choice" value="neither">{Text(T["arena.neither"])}</button><button name="choice" value="right">{Text(T["arena.right_better"])}</button></p>
        </form>
        <p><a href="/arena">{Text(T["arena.another"])}</a></p>

        """;

    /// <summary>A text as it is, or a picture, a sound or a video at an address that says nothing about its model.</summary>
    static string Answer(ArenaAnswer answer, string address, string label) => answer.MediaType switch
    {
        null => $"<pre>{Text(answer.Text)}</pre>",
        ['i', ..] => $"<img src=\"{address}\" alt=\"{Text(label)}\">",
        ['a', ..] => $"<audio src=\"{address}\" controls preload=\"metadata\" aria-label=\"{Text(label)}\"></audio>",
        _ => $"<video src=\"{address}\" controls loop playsinline preload=\"metadata\" aria-label=\"{Text(label)}\"></video>",
    };

    /// <summary>Shown instead of <see cref="Answers"/> if a model could not answer.</summary>
    public string Failed(string message) =>
        $"""<form action="/arena"><p class="error" role="alert">{Text(T["arena.failed"])} <span lang="en">{Text(message)}</span></p><button>{Text(T["arena.try_another"])}</button></form>""";

    /// <summary>The standings.</summary>
    public string Standings(IReadOnlyList<Standing> standings, int votes)
    {
        var rows = new StringBuilder();
        foreach (var s in standings)
            rows.Append(CultureInfo.InvariantCulture,
                $"<tr><th scope=\"row\">{Text(s.Model)}</th><td>{s.Rating:F0}<td>{s.Interval.Low:F0} … {s.Interval.High:F0}<td>{s.Wins}<td>{s.Losses}<td>{s.Ties}<td>{(s.FlipsToLosePlace is { } flips ? $"{flips}" : "")}</tr>\n");
        string[] heads = [T["arena.model"], T["arena.rating"], "95 %", T["arena.won"], T["arena.lost"],
            T["arena.ties"], T["arena.deciding"]];
        return $"""
            <div class="intro"><h1>{Text(T["arena.standings"])}</h1>
            <p>{Text(T.Many("arena.votes", votes))} {Text(T["arena.how"])}</p></div>
            <div class="scroll pane" tabindex="0" role="region" aria-label="{Text(T["arena.standings"])}"><table><tr>{string.Concat(heads.Select(h => $"<th scope=\"col\">{Text(h)}</th>"))}</tr>
            {rows}</table></div>

            """;
    }

    /// <summary>A sentence with names of models in it.</summary>
    string Names(string key, params ReadOnlySpan<(string Place, string Name)> names)
    {
        var sentence = Text(T[key]);
        var said = new StringBuilder();
        foreach (var part in sentence.Split('{'))
        {
            var close = part.IndexOf('}');
            foreach (var (place, name) in names)
                if (close >= 0 && part.AsSpan(0, close).SequenceEqual(place))
                    said.Append(CultureInfo.InvariantCulture, $"<b>{Text(name)}</b>");
            said.Append(part.AsSpan(close + 1));
        }
        return said.ToString();
    }

    /// <summary>Additions to the hosting site's style sheet, in its colours.</summary>
    public static string Style => """
        .told{padding:.6rem 1rem;border-inline-start:3px solid var(--leaf);background:var(--glow);border-radius:.3rem}
        .waiting{color:var(--soft)}.waiting:has(~ form){display:none}
        .waiting::after{content:"";display:inline-block;width:.5em;height:1em;margin-inline-start:.5em;vertical-align:-.15em;background:var(--leaf);animation:blink 1s steps(2) infinite}
        .pane h2{margin:0;font-size:.875rem}pre{margin:0;padding:.85rem 1rem;font:.875rem/1.6 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
        .question{max-height:18rem;overflow:auto}.answers{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1rem;margin-top:1rem}
        .answers img,.answers video{display:block;width:100%;height:auto;max-height:70vh;object-fit:contain}.answers audio{display:block;width:calc(100% - 2rem);margin:1rem}
        .votes{display:flex;flex-wrap:wrap;gap:.6rem;position:sticky;bottom:0;background:var(--ground);padding:.75rem 0;margin:0}.votes button{flex:1 1 9rem}
        .scroll{overflow-x:auto}table{border-collapse:collapse;margin:.4rem 1rem}th,td{padding-block:.4rem;padding-inline-end:1rem;text-align:end;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
        th{font-weight:500;color:var(--soft)}th:first-child{text-align:start;overflow-wrap:anywhere}tr:last-child :is(th,td){border:0}th[scope=row]{color:inherit;font-weight:400}
        @media(max-width:40rem){.answers{grid-template-columns:minmax(0,1fr)}.votes button{flex-basis:40%}}
        """;

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
