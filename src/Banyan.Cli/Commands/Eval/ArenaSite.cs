using Banyan.Evaluation.Arena;
using Banyan.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Cli.Commands.Eval;

/// <summary>The arena under <c>/arena</c> of Banyan's server: the pages are Evaluation's, the server is Server's, and only here do both meet.</summary>
static class ArenaSite
{
    public static WebApplication Build(ServerOptions options, ArenaRounds rounds)
    {
        var app = BanyanServer.Build(options);
        app.MapGet("/arena", async (HttpContext context, CancellationToken token) => Html(context, ArenaPage.Round(await rounds.NextAsync(token), null)));
        app.MapPost("/arena", async (HttpContext context, CancellationToken token) =>
        {
            var form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync(token) : FormCollection.Empty;
            if (!Enum.TryParse<Choice>(form["choice"], ignoreCase: true, out var choice) || !Enum.IsDefined(choice) || form["round"] is not [{ Length: > 0 } round])
                return Html(context, ArenaPage.Round(await rounds.NextAsync(token), null, "That was no vote: choose one of the four buttons."), StatusCodes.Status400BadRequest);
            var models = rounds.Cast(round, choice);
            return models.Left is null
                ? Html(context, ArenaPage.Round(await rounds.NextAsync(token), null, "That pair has its vote already, or is too old. Here is another one."), StatusCodes.Status409Conflict)
                : Html(context, ArenaPage.Round(await rounds.NextAsync(token), (choice, models)));
        });
        app.MapGet("/arena/standings", (HttpContext context) => Html(context, ArenaPage.Standings(Standings.Of(rounds.Votes), rounds.Votes.Count)));
        app.MapGet("/arena/arena.css", () => Results.Text(ArenaPage.Style, "text/css; charset=utf-8"));
        return app;
    }

    /// <summary>A round is drawn anew each time: no copy may be kept.</summary>
    static IResult Html(HttpContext context, string page, int status = StatusCodes.Status200OK)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Results.Content(page, "text/html; charset=utf-8", statusCode: status);
    }
}
