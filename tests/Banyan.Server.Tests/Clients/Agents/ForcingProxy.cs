using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Clients.Agents;

/// <summary>A call that a model is made to write.</summary>
/// <param name="Tool">The tool, <c>namespace__name</c> for one of a namespace.</param>
/// <param name="Arguments">Its arguments; for a custom tool its input, as <c>input</c>.</param>
sealed record Step(string Tool, params (string Name, string Value)[] Arguments);

/// <summary>
/// Stands between a program and the server. A model of random weights decides nothing, so the tools' calls are forced, one step after the
/// other, by what the server's APIs have for that: <c>tool_choice</c>, with the tool's schema narrowed to the values; after the last step a
/// text. All else goes through as it is, and every answer of the server is remembered.
/// </summary>
sealed class ForcingProxy : IAsyncDisposable
{
    public const string LastWords = "Done.";

    readonly WebApplication _app;
    readonly HttpClient _client;
    readonly Queue<Step> _steps;

    ForcingProxy(WebApplication app, HttpClient client, IEnumerable<Step> steps) => (_app, _client, _steps) = (app, client, new(steps));

    public string Address { get; private set; } = "";

    /// <summary>Each request with the server's status and, where that is no success, its answer.</summary>
    public ConcurrentQueue<(string Request, int Status, string? Error)> Answers { get; } = new();

    /// <summary>Steps that were not asked for.</summary>
    public IReadOnlyCollection<Step> Left => _steps;

    public static async Task<ForcingProxy> StartAsync(string server, params IEnumerable<Step> steps)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        var proxy = new ForcingProxy(app, new() { BaseAddress = new(server), Timeout = TimeSpan.FromMinutes(10) }, steps);
        app.Run(proxy.PassAsync);
        await app.StartAsync();
        proxy.Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return proxy;
    }

    async Task PassAsync(HttpContext context)
    {
        using var request = new HttpRequestMessage(new(context.Request.Method), context.Request.Path + context.Request.QueryString.Value);
        if (HttpMethods.IsPost(context.Request.Method))
        {
            var body = await JsonNode.ParseAsync(context.Request.Body);
            request.Content = new StringContent(Forced(body!.AsObject(), context.Request.Path).ToJsonString(), null, "application/json");
        }
        foreach (var (name, value) in context.Request.Headers)
            if (name is not ("Host" or "Connection" or "Accept-Encoding")
                && !name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)
                && !name.StartsWith("Transfer-", StringComparison.OrdinalIgnoreCase))
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value);
        using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        Answers.Enqueue(($"{context.Request.Method} {context.Request.Path}", (int)answer.StatusCode,
            answer.IsSuccessStatusCode ? null : await answer.Content.ReadAsStringAsync()));
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Content.Headers.Concat(answer.Headers)
            .Where(h => h.Key is "Content-Type" or "Retry-After" or "X-Request-Id"))
            context.Response.Headers[name] = values.ToArray();
        await using var stream = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        var buffer = new byte[1 << 16];
        for (int count; (count = await stream.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, count), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    JsonObject Forced(JsonObject body, string path)
    {
        if (body["messages"] is null && body["input"] is null)
            return body;
        var tools = (body["tools"]?.AsArray() ?? []).Select(t => t!.AsObject()).SelectMany(t => t["tools"] is JsonArray inner
            ? inner.Select(i => (Name: $"{t["name"]}__{i!["name"]}", Tool: i!.AsObject()))
            : [(Name: (string?)(t["function"] ?? t)["name"] ?? "", Tool: t)]).ToList();
        Step? step = null;
        lock (_steps)
            if (_steps.TryPeek(out var next) && tools.Exists(t => t.Name == next.Tool))
                step = _steps.Dequeue();
        if (step is null)
        {
            if (tools.Count > 0)
                body["tool_choice"] = path.EndsWith("/messages", StringComparison.Ordinal) ? new JsonObject { ["type"] = "none" } : "none";
            body["grammar"] = $"root ::= \"{LastWords}\"";
            return body;
        }
        var tool = tools.Find(t => t.Name == step.Tool).Tool;
        var isCustom = (string?)tool["type"] == "custom";
        if (isCustom)
            tool["format"] = new JsonObject
            {
                ["type"] = "grammar",
                ["syntax"] = "regex",
                ["definition"] = Regex.Escape(step.Arguments[0].Value).Replace("\\ ", " ", StringComparison.Ordinal)
            };
        else
            (tool["function"] ?? tool)[tool.ContainsKey("input_schema") ? "input_schema" : "parameters"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] =
                    new JsonObject(
                        step.Arguments.Select(a => KeyValuePair.Create<string, JsonNode?>(a.Name, new JsonObject { ["const"] = a.Value }))),
                ["required"] = new JsonArray([.. step.Arguments.Select(a => (JsonNode)a.Name)]),
                ["additionalProperties"] = false,
            };
        body["tool_choice"] = path.EndsWith("/messages", StringComparison.Ordinal)
            ? new JsonObject { ["type"] = "tool", ["name"] = step.Tool }
            : path.EndsWith("/responses", StringComparison.Ordinal)
            ? new JsonObject { ["type"] = isCustom ? "custom" : "function", ["name"] = step.Tool }
            : new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = step.Tool } };
        if (path.EndsWith("/messages", StringComparison.Ordinal))
            body["tool_choice"]!["disable_parallel_tool_use"] = true;
        else
            body["parallel_tool_calls"] = false;
        return body;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _client.Dispose();
    }
}
