using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Bench.Hub;

/// <summary>git's own server, <c>git http-backend</c>, over bare repositories of a folder: a process for each request (CGI).</summary>
sealed class GitBackend : IAsyncDisposable
{
    readonly WebApplication _app;

    GitBackend(WebApplication app) => _app = app;

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<GitBackend> StartAsync(string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(o => o.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        app.Run(c => HandleAsync(c, folder));
        await app.StartAsync();
        return new(app);
    }

    static async Task HandleAsync(HttpContext context, string folder)
    {
        var start = new ProcessStartInfo("/usr/lib/git-core/git-http-backend")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        };
        var request = context.Request;
        foreach (var (name, value) in new[]
        {
            ("GIT_PROJECT_ROOT", folder), ("GIT_HTTP_EXPORT_ALL", "1"), ("PATH_INFO", request.Path.Value!),
            ("QUERY_STRING", request.QueryString.Value?.TrimStart('?') ?? ""),
            ("REQUEST_METHOD", request.Method), ("CONTENT_TYPE", request.ContentType ?? ""),
            ("CONTENT_LENGTH", request.ContentLength?.ToString(CultureInfo.InvariantCulture) ?? ""),
            ("HTTP_CONTENT_ENCODING", request.Headers.ContentEncoding.ToString()),
            ("GIT_PROTOCOL", request.Headers["Git-Protocol"].ToString()), ("REMOTE_USER", "bench"), ("REMOTE_ADDR", "127.0.0.1"),
        })
            if (value.Length > 0)
                start.Environment[name] = value;
        using var git = Process.Start(start)!;
        var sending = Task.Run(async () =>
        {
            try
            {
                await request.Body.CopyToAsync(git.StandardInput.BaseStream);
                git.StandardInput.Close();
            }
            catch (IOException)
            {
                // It has read enough.
            }
        });
        var output = git.StandardOutput.BaseStream;
        while (await HeaderAsync(output) is { Length: > 0 } line)
        {
            var (name, value) = (line[..line.IndexOf(':', StringComparison.Ordinal)],
                line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
            if (name == "Status")
                context.Response.StatusCode = int.Parse(value[..3], CultureInfo.InvariantCulture);
            else
                context.Response.Headers[name] = value;
        }
        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        await output.CopyToAsync(context.Response.Body, 1 << 16);
        await git.WaitForExitAsync();
        await sending;
    }

    static async Task<string> HeaderAsync(Stream output)
    {
        var (line, next) = (new System.Text.StringBuilder(), new byte[1]);
        while (await output.ReadAsync(next) == 1 && next[0] != '\n')
            if (next[0] != '\r')
                line.Append((char)next[0]);
        return line.ToString();
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
