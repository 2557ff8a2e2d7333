using Banyan.Evaluation.Arena;
using Banyan.Server;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Cli.Commands.Eval;

/// <summary>The arena under <c>/arena</c> of Banyan's server: the pages are Evaluation's, the server is Server's, and only here do both meet.</summary>
static class ArenaSite
{
    public static WebApplication Build(ServerOptions options, ArenaRounds rounds)
    {
        var app = BanyanServer.Build(options);
        app.MapGet("/arena", (HttpContext context, CancellationToken token) => RoundAsync(context, rounds, null, null, StatusCodes.Status200OK, token));
        app.MapPost("/arena", async (HttpContext context, CancellationToken token) =>
        {
            var form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync(token) : FormCollection.Empty;
            if (!Enum.TryParse<Choice>(form["choice"], ignoreCase: true, out var choice) || !Enum.IsDefined(choice) || form["round"] is not [{ Length: > 0 } round])
            {
                await RoundAsync(context, rounds, null, "That was no vote: choose one of the four buttons.", StatusCodes.Status400BadRequest, token);
                return;
            }
            var models = rounds.Cast(round, choice);
            await (models.Left is null
                ? RoundAsync(context, rounds, null, "That pair has its vote already, or is too old. Here is another one.", StatusCodes.Status409Conflict, token)
                : RoundAsync(context, rounds, (choice, models), null, StatusCodes.Status200OK, token));
        });
        app.MapGet("/arena/standings", async (HttpContext context, CancellationToken token) =>
        {
            Begin(context, StatusCodes.Status200OK);
            await context.Response.WriteAsync(Open("Standings", "/arena/standings") + ArenaPage.Standings(Standings.Of(rounds.Votes), rounds.Votes.Count) + PageFrame.Close, token);
        });
        app.MapGet("/arena/arena.css", () => Results.Text(ArenaPage.Style, "text/css; charset=utf-8"));
        return app;
    }

    /// <summary>The question at once, and the answers when both models have given theirs.</summary>
    static async Task RoundAsync(HttpContext context, ArenaRounds rounds, (Choice, Revealed)? last, string? note, int status, CancellationToken cancellationToken)
    {
        Begin(context, status);
        try
        {
            var round = await rounds.NextAsync(cancellationToken, async question =>
            {
                await context.Response.WriteAsync(Open("Which answer is better?", "/arena") + ArenaPage.Question(question, last, note), cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
            });
            await context.Response.WriteAsync(ArenaPage.Answers(round), cancellationToken);
        }
        catch (Exception e) when (context.Response.HasStarted && !cancellationToken.IsCancellationRequested)
        {
            await context.Response.WriteAsync(ArenaPage.Failed(e.Message), cancellationToken); // the status has been sent
        }
        await context.Response.WriteAsync(PageFrame.Close, cancellationToken);
    }

    static string Open(string title, string address) => PageFrame.Open(title, "/arena/arena.css",
        [("Vote", "/arena", address == "/arena"), ("Standings", "/arena/standings", address == "/arena/standings")]);

    /// <summary>A round is drawn anew each time: no copy may be kept.</summary>
    static void Begin(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
    }
}
