using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Banyan.Server.Pages;

/// <summary>
/// Style, script and picture of the pages: embedded, compressed once, and cached by the browser for as long as they do not change.
/// </summary>
static class PageAssets
{
    sealed record Asset(string ContentType, byte[] Plain, byte[] Brotli, string Hash);

    static readonly Dictionary<string, Asset> s_assets = new()
    {
        ["site.css"] = Load("site.css", "text/css; charset=utf-8"),
        ["hub.css"] = Load("hub.css", "text/css; charset=utf-8"),
        ["playground.js"] = Load("playground.js", "text/javascript; charset=utf-8"),
        ["passkey.js"] = Load("passkey.js", "text/javascript; charset=utf-8"),
        ["upload.js"] = Load("upload.js", "text/javascript; charset=utf-8"),
        ["banyan.svg"] = Load("banyan.svg", "image/svg+xml"),
    };

    /// <summary>The asset's address, which changes with its content.</summary>
    public static string Url(string name) => $"/assets/{name}?v={s_assets[name].Hash}";

    public static void MapAssets(this IEndpointRouteBuilder app)
    {
        app.MapGet("/assets/{name}", (RequestDelegate)(context => SendAsync(context, (string)context.Request.RouteValues["name"]!)));
        app.MapGet("/favicon.ico", (RequestDelegate)(context => SendAsync(context, "banyan.svg")));
    }

    static Task SendAsync(HttpContext context, string name)
    {
        if (!s_assets.TryGetValue(name, out var asset))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }
        var response = context.Response;
        response.ContentType = asset.ContentType;
        response.Headers.CacheControl = context.Request.Query["v"] == asset.Hash ? "public, max-age=31536000, immutable" : "no-cache";
        response.Headers.ETag = $"\"{asset.Hash}\"";
        response.Headers.Vary = "Accept-Encoding";
        if (context.Request.Headers.IfNoneMatch == response.Headers.ETag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }
        var compressed = context.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.OrdinalIgnoreCase);
        if (compressed)
            response.Headers.ContentEncoding = "br";
        var bytes = compressed ? asset.Brotli : asset.Plain;
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    static Asset Load(string name, string contentType)
    {
        using var stream = typeof(PageAssets).Assembly.GetManifestResourceStream($"assets/{name}")!;
        var plain = new byte[stream.Length];
        stream.ReadExactly(plain);
        using var packed = new MemoryStream();
        using (var brotli = new BrotliStream(packed, CompressionLevel.SmallestSize))
            brotli.Write(plain);
        return new(contentType, plain, packed.ToArray(), Convert.ToHexStringLower(SHA256.HashData(plain).AsSpan(0, 6)));
    }
}
