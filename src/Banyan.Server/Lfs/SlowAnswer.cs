using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>An answer that may take minutes, to clients that give up after ten seconds without a byte: white space before its JSON keeps
/// them. A failure after the first byte aborts the connection, which clients treat as a failure.</summary>
static class SlowAnswer
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);

    public static async Task WriteAsync(HttpContext context, TimeProvider time, Func<CancellationToken, Task<string>> work)
    {
        var working = work(context.RequestAborted);
        context.Response.ContentType = LfsJson.ContentType;
        try
        {
            while (await Task.WhenAny(working, Task.Delay(s_patience, time, context.RequestAborted)) != working)
            {
                if (context.RequestAborted.IsCancellationRequested)
                    break;
                await context.Response.WriteAsync(" ", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
            await context.Response.WriteAsync(await working, context.RequestAborted);
        }
        catch when (context.Response.HasStarted)
        {
            context.Abort();
            throw;
        }
    }
}
