using Banyan.Evaluation.Arena;
using Banyan.Server;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Cli.Commands.Eval;

/// <summary>
/// The arena under <c>/arena</c> of Banyan's server, a hub or not: the pages are Evaluation's, the frame is Server's, and only here do both
/// meet.
/// </summary>
static class ArenaSite
{
    /// <summary>The link to it in the head of the server's pages.</summary>
    public static readonly AddedPage Link = new("Arena", "/arena");

    const string NoVote = "That was no vote: choose one of the four buttons.", Twice = "That pair has its vote already, or is too old. Here is another one.";

    public static void Map(WebApplication app, ArenaRounds rounds)
    {
        PageFrame.Map(app, "GET", "/arena", context => RoundAsync(context, rounds, null, null, StatusCodes.Status200OK));
        PageFrame.Map(app, "POST", "/arena", async context =>
        {
            var form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted) : FormCollection.Empty;
            if (!Enum.TryParse<Choice>(form["choice"], ignoreCase: true, out var choice) || !Enum.IsDefined(choice) || form["round"] is not [{ Length: > 0 } round])
            {
                await RoundAsync(context, rounds, null, NoVote, StatusCodes.Status400BadRequest);
                return;
            }
            var models = rounds.Cast(round, choice);
            await (models.Left is null ? RoundAsync(context, rounds, null, Twice, StatusCodes.Status409Conflict) : RoundAsync(context, rounds, (choice, models), null, StatusCodes.Status200OK));
        });
        PageFrame.Map(app, "GET", "/arena/standings", async context =>
        {
            var frame = await FrameAsync(context, "Standings", "/arena/standings");
            await context.Response.WriteAsync(frame.Open + ArenaPage.Standings(Standings.Of(rounds.Votes), rounds.Votes.Count) + frame.Close, context.RequestAborted);
        });
        PageFrame.Map(app, "GET", "/arena/arena.css", context =>
        {
            context.Response.ContentType = "text/css; charset=utf-8";
            return context.Response.WriteAsync(ArenaPage.Style, context.RequestAborted);
        });
    }

    /// <summary>The question at once, and the answers when both models have given theirs.</summary>
    static async Task RoundAsync(HttpContext context, ArenaRounds rounds, (Choice, Revealed)? last, string? note, int status)
    {
        var cancellationToken = context.RequestAborted;
        context.Response.StatusCode = status;
        var frame = await FrameAsync(context, "Which answer is better?", "/arena");
        try
        {
            var round = await rounds.NextAsync(cancellationToken, async question =>
            {
                await context.Response.WriteAsync(frame.Open + ArenaPage.Question(question, last, note), cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
            });
            await context.Response.WriteAsync(ArenaPage.Answers(round, frame.FormField), cancellationToken);
        }
        catch (Exception e) when (context.Response.HasStarted && !cancellationToken.IsCancellationRequested)
        {
            await context.Response.WriteAsync(ArenaPage.Failed(e.Message), cancellationToken); // the status has been sent
        }
        await context.Response.WriteAsync(frame.Close, cancellationToken);
    }

    /// <summary>A round is drawn anew each time: no copy may be kept.</summary>
    static async Task<PageFrame> FrameAsync(HttpContext context, string title, string address)
    {
        var frame = await PageFrame.OfAsync(context, title, "/arena/arena.css", [("Vote", "/arena", address == "/arena"), ("Standings", "/arena/standings", address == "/arena/standings")]);
        context.Response.Headers.CacheControl = "no-store";
        return frame;
    }
}
