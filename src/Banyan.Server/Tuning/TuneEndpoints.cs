using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Tuning;

/// <summary>Runs of <c>banyan tune</c> on this machine as pages, for administrators of the hub, since they contain prompts and answers from
/// the data.</summary>
sealed class TuneEndpoints(Authoriser authoriser, HubOptions options, TimeProvider clock)
{
    // As banyan tune writes it: styles in it, no script, nothing from elsewhere.
    const string Policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    static readonly TimeSpan s_running = TimeSpan.FromMinutes(2);

    readonly TuneRuns? _runs = options.TuneFolder is { } folder ? new(folder) : null;

    /// <summary><c>GET /tune</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        await CheckAsync(context);
        await HtmlPage.RenderAsync<TunePage>(context, new TuneView(options.TuneFolder, _runs?.List() ?? []));
    }

    /// <summary><c>GET /tune/{run}</c>: the page that the run writes; a browser asks for it again while it changes.</summary>
    public async Task ShowAsync(HttpContext context)
    {
        await CheckAsync(context);
        var page = _runs?.Find((string)context.Request.RouteValues["run"]!)
            ?? throw HubException.NotFound("There is no such run: /tune lists those that are there.");
        var (headers, response) = (context.Response.Headers, context.Response);
        (headers.ContentSecurityPolicy, headers.CacheControl) = (Policy, "private, no-cache");
        if (clock.GetUtcNow() - page.LastWriteTimeUtc < s_running)
            headers["Refresh"] = "10";
        response.ContentType = "text/html; charset=utf-8";
        // Read whole: it is replaced as it is served.
        await response.Body.WriteAsync(await File.ReadAllBytesAsync(page.FullName, context.RequestAborted), context.RequestAborted);
    }

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);
}

/// <summary>The page of all runs.</summary>
/// <param name="Folder">Their folder; null if none is configured.</param>
/// <param name="Runs">The one that changed last first.</param>
public sealed record TuneView(string? Folder, IReadOnlyList<TuneRunEntry> Runs);
