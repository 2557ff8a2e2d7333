using Banyan.Evaluation.Arena;
using Banyan.Server;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Cli.Commands.Eval;

/// <summary>The arena under <c>/arena</c> of Banyan's server, a hub or not: rounds come from Evaluation, the frame of the page from Server;
/// only this class uses both.</summary>
static class ArenaSite
{
    /// <summary>The link to it in the head of the server's pages.</summary>
    public static readonly AddedPage Link = new("nav.arena", "/arena");

    public static void Map(WebApplication app, ArenaRounds rounds)
    {
        PageFrame.Map(app, "GET", "/arena", context => RoundAsync(context, rounds, null, null, StatusCodes.Status200OK));
        PageFrame.Map(app, "POST", "/arena", async context =>
        {
            var form = context.Request.HasFormContentType
                ? await context.Request.ReadFormAsync(context.RequestAborted) : FormCollection.Empty;
            if (!Enum.TryParse<Choice>(form["choice"], ignoreCase: true, out var choice) || !Enum.IsDefined(choice)
                || form["round"] is not [{ Length: > 0 } round])
            {
                await RoundAsync(context, rounds, null, T(context)["arena.no_vote"], StatusCodes.Status400BadRequest);
                return;
            }
            var models = rounds.Cast(round, choice);
            await (models.Left is null ? RoundAsync(context, rounds, null, T(context)["arena.twice"], StatusCodes.Status409Conflict)
                : RoundAsync(context, rounds, (choice, models), null, StatusCodes.Status200OK));
        });
        PageFrame.Map(app, "GET", "/arena/standings", async context =>
        {
            var frame = await FrameAsync(context, T(context)["arena.standings"], "/arena/standings");
            await context.Response.WriteAsync(frame.Open
                + new ArenaPage(T(context)).Standings(Standings.Of(rounds.Votes), rounds.Votes.Count)
                + frame.Close, context.RequestAborted);
        });
        PageFrame.Map(app, "GET", "/arena/answer/{round}/{side}", context => AnswerAsync(context, rounds));
        PageFrame.Map(app, "GET", "/arena/arena.css", context =>
        {
            context.Response.ContentType = "text/css; charset=utf-8";
            return context.Response.WriteAsync(ArenaPage.Style, context.RequestAborted);
        });
    }

    /// <summary>The question at once, and the answers when both models have given theirs.</summary>
    static async Task RoundAsync(HttpContext context, ArenaRounds rounds, (Choice, Revealed)? last, string? note, int status)
    {
        var (cancellationToken, page) = (context.RequestAborted, new ArenaPage(T(context)));
        context.Response.StatusCode = status;
        var frame = await FrameAsync(context, T(context)["arena.which"], "/arena");
        try
        {
            var round = await rounds.NextAsync(cancellationToken, async question =>
            {
                await context.Response.WriteAsync(frame.Open + page.Question(question, last, note), cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
            });
            await context.Response.WriteAsync(page.Answers(round, frame.FormField), cancellationToken);
        }
        catch (Exception e) when (context.Response.HasStarted && !cancellationToken.IsCancellationRequested)
        {
            await context.Response.WriteAsync(page.Failed(e.Message), cancellationToken); // the status has been sent
        }
        await context.Response.WriteAsync(frame.Close, cancellationToken);
    }

    /// <summary>A picture, sound or video of a round that waits for its vote. Neither address nor headers reveal the model: no name, no
    /// time, no tag. Players request ranges.</summary>
    static Task AnswerAsync(HttpContext context, ArenaRounds rounds)
    {
        var round = rounds.Find($"{context.Request.RouteValues["round"]}");
        var answer = context.Request.RouteValues["side"] switch { "left" => round?.Left, "right" => round?.Right, _ => null };
        if (answer is not { File: { } file, MediaType: { } type } || !File.Exists(file))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }
        var headers = context.Response.Headers;
        (headers.CacheControl, headers.XContentTypeOptions, headers.ContentSecurityPolicy) =
            ("private, no-store", "nosniff", "default-src 'none'; sandbox");
        return Results.Stream(File.OpenRead(file), type, enableRangeProcessing: true).ExecuteAsync(context);
    }

    static PageLanguage T(HttpContext context) => PageLanguage.Of(context.Request);

    /// <summary>Each request draws a new round, so the response must not be cached.</summary>
    static async Task<PageFrame> FrameAsync(HttpContext context, string title, string address)
    {
        var frame = await PageFrame.OfAsync(context, title, "/arena/arena.css",
            [(T(context)["arena.vote"], "/arena", address == "/arena"),
                (T(context)["arena.standings"], "/arena/standings", address == "/arena/standings")]);
        context.Response.Headers.CacheControl = "no-store";
        return frame;
    }
}
