using System.IO.Compression;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Client.Tests.Support;

/// <summary>
/// What stands between a client and a hub, and does not pass on all that it is given: a proxy, a mirror, a link that breaks.
/// </summary>
sealed class Between : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly HttpClient _hub;

    Between(WebApplication app, HttpClient hub) => (_app, _hub) = (app, hub);

    /// <summary>Bytes of an answer of more than a megabyte that pass before the connection is cut, once; null never cuts.</summary>
    public int? CutAfter { get; set; }

    /// <summary>Cuts every answer with a part of a file after so many bytes.</summary>
    public int? CutAlwaysAfter { get; init; }

    /// <summary>Asks for all of a file whatever part is asked for.</summary>
    public bool IgnoresRange { get; init; }

    /// <summary>Takes Content-Range off.</summary>
    public bool StripsContentRange { get; init; }

    /// <summary>Compresses JSON, as a hub behind a proxy does.</summary>
    public bool Compresses { get; init; }

    /// <summary>Compresses whatever it passes, though nobody asked for it, as some proxies do: parts of files too.</summary>
    public bool CompressesAll { get; init; }

    /// <summary>Answers itself; null passes on.</summary>
    public Func<HttpContext, Task<bool>>? Instead { get; init; }

    /// <summary>Compressed answers.</summary>
    public int Compressed { get; private set; }

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");

    public static async Task<Between> StartAsync(LocalHub hub, Func<WebApplication, HttpClient, Between>? with = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var client =
            new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new(hub.Address) };
        var between = with?.Invoke(app, client) ?? new(app, client);
        app.Run(between.PassAsync);
        await app.StartAsync();
        return between;
    }

    public static Task<Between> StartAsync(LocalHub hub, bool ignoresRange = false, bool stripsContentRange = false,
        bool compresses = false, int? cutAfter = null, int? cutAlwaysAfter = null, Func<HttpContext, Task<bool>>? instead = null,
        bool compressesAll = false) =>
        StartAsync(hub,
            (app, client) => new(app, client)
            {
                IgnoresRange = ignoresRange,
                StripsContentRange = stripsContentRange,
                Compresses = compresses,
                CutAfter = cutAfter,
                CutAlwaysAfter = cutAlwaysAfter,
                Instead = instead,
                CompressesAll = compressesAll
            });

    async Task PassAsync(HttpContext context)
    {
        if (Instead is not null && await Instead(context))
            return;
        using var request = new HttpRequestMessage(new(context.Request.Method),
            context.Request.Path.ToUriComponent() + context.Request.QueryString)
        {
            Content = context.Request.ContentLength > 0
                ? new StreamContent(context.Request.Body) : null
        };
        foreach (var (name, value) in context.Request.Headers)
            if (name is not ("Host" or "Connection" or "Accept-Encoding") && !(IgnoresRange && name is "Range" or "If-Range")
                && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)value!))
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)value!);
        using var answer = await _hub.SendAsync(request);
        var body = await answer.Content.ReadAsByteArrayAsync();
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, value) in answer.Headers.Concat(answer.Content.Headers))
            if (name is not ("Transfer-Encoding" or "Connection" or "Content-Length") && !(StripsContentRange && name == "Content-Range"))
                context.Response.Headers[name] = value.ToArray();
        if (CompressesAll && body.Length > 0 && !context.Response.Headers.ContainsKey("Content-Encoding"))
        {
            using var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
                gzip.Write(body);
            body = packed.ToArray();
            context.Response.Headers.ContentEncoding = "gzip";
        }
        if (Compresses && answer.Content.Headers.ContentType?.MediaType == "application/json"
            && context.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
        {
            using var packed = new MemoryStream();
            using (var brotli = new BrotliStream(packed, CompressionLevel.Fastest))
                brotli.Write(body);
            body = packed.ToArray();
            context.Response.Headers.ContentEncoding = "br";
            Compressed++;
        }
        context.Response.ContentLength = body.Length;
        var cut = CutAlwaysAfter is { } always && (answer.StatusCode == HttpStatusCode.PartialContent || body.Length > 1_000_000) ? always
            : CutAfter is { } once && body.Length > 1_000_000 ? once : body.Length;
        if (cut >= body.Length)
        {
            await context.Response.Body.WriteAsync(body);
            return;
        }
        CutAfter = null;
        await context.Response.Body.WriteAsync(body.AsMemory(0, cut));
        await context.Response.Body.FlushAsync();
        context.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _hub.Dispose();
    }
}
