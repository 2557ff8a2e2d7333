using System.Text.Json;
using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>Takes shards in: after this, and not before, the files that they describe can be committed to the token's repository.</summary>
sealed class ShardEndpoints(XetAccess access, ShardIntake intake, ContentOptions options, TimeProvider time)
{
    // What is refused is refused with a status as long as that is still possible.
    static readonly TimeSpan s_firstFrame = TimeSpan.FromSeconds(2), s_heartbeat = TimeSpan.FromSeconds(10);

    /// <summary>POST /v1/shards: one answer at the end.</summary>
    public async Task<IResult> PostV1Async(HttpContext context, CancellationToken cancellationToken)
    {
        await using var shard = await ReceiveAsync(context, cancellationToken);
        try
        {
            var isNew = await intake.RunAsync(shard.Content, shard.Grant.Repo, new ShardProgress(), cancellationToken);
            return Results.Json(new ShardAnswer(isNew ? 1 : 0), XetJson.Default.ShardAnswer);
        }
        catch (InvalidDataException e)
        {
            throw HubException.BadRequest(e.Message);
        }
    }

    /// <summary>POST /v2/shards: a line of JSON every few seconds, the last one says how it ended.</summary>
    public async Task PostV2Async(HttpContext context, CancellationToken cancellationToken)
    {
        await using var shard = await ReceiveAsync(context, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new ShardProgress();
        var work = Task.Run(() => intake.RunAsync(shard.Content, shard.Grant.Repo, progress, stop.Token), CancellationToken.None);
        try
        {
            if (await Task.WhenAny(work, Task.Delay(s_firstFrame, time, cancellationToken)) == work)
                await work;     // a refusal becomes a status

            context.Response.ContentType = "application/x-ndjson";
            await WriteAsync(context, new ShardFrame("validating") { Verified = progress.Verified, Total = progress.Total });
            while (await Task.WhenAny(work, Task.Delay(s_heartbeat, time, cancellationToken)) != work)
                await WriteAsync(context, new ShardFrame("validating") { Verified = progress.Verified, Total = progress.Total });
            await work;
            await WriteAsync(context, new ShardFrame("committing") { Stage = "syncing" });
            await WriteAsync(context, new ShardFrame("result"));
        }
        catch (InvalidDataException e) when (!context.Response.HasStarted)
        {
            throw HubException.BadRequest(e.Message);
        }
        catch (Exception e) when (context.Response.HasStarted && !cancellationToken.IsCancellationRequested)
        {
            await WriteAsync(context, e is InvalidDataException
                ? new ShardFrame("error") { Message = e.Message, Retryable = false }
                : new ShardFrame("error") { Message = "The server could not record the shard; try again.", Retryable = true });
            if (e is not InvalidDataException)
                throw;
        }
        finally
        {
            // The work reads the draft: it ends before the draft goes.
            await stop.CancelAsync();
            await work.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    static async Task WriteAsync(HttpContext context, ShardFrame frame)
    {
        await context.Response.BodyWriter.WriteAsync(
            (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(frame, XetJson.Default.ShardFrame), (byte)'\n'], context.RequestAborted);
    }

    sealed record Received(FileStream Content, XetGrant Grant) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Content.DisposeAsync();
    }

    /// <summary>A shard may have 64 MB, so it waits on the disk, not in memory.</summary>
    async Task<Received> ReceiveAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: true);
        var body = context.LimitBody(Shard.MaxLength);
        var content = Private.CreateTemporary(options.SpoolFolder, "shard");
        try
        {
            await body.CopyToAsync(content, cancellationToken);
            await content.FlushAsync(cancellationToken);
            content.Position = 0;
            return new Received(content, grant);
        }
        catch
        {
            await content.DisposeAsync();
            throw;
        }
    }
}
