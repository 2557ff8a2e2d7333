using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Banyan.Server.Access;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference;

/// <summary>Writes an answer as <c>text/event-stream</c>: one <c>data:</c> line of JSON an event, sent at once.</summary>
sealed class ServerSentEvents(HttpResponse response)
{
    readonly Utf8JsonWriter _json = new(response.BodyWriter, new() { Encoder = ApiJson.Encoder });

    public async Task WriteAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        Begin();
        var body = response.BodyWriter;
        body.Write("data: "u8);
        _json.Reset(body);
        JsonSerializer.Serialize(_json, value, type);
        await _json.FlushAsync(cancellationToken);
        body.Write("\n\n"u8);
        await body.FlushAsync(cancellationToken);
    }

    /// <summary>One event without a name.</summary>
    public async Task WriteAsync(JsonNode json, CancellationToken cancellationToken)
    {
        Begin();
        await response.WriteAsync($"data: {json.Text()}\n\n", cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }

    /// <summary>One event with a name, as Anthropic and the Responses API have it.</summary>
    public async Task WriteAsync(string name, JsonNode json, CancellationToken cancellationToken)
    {
        Begin();
        await response.WriteAsync($"event: {name}\ndata: {json.Text()}\n\n", cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }

    /// <summary>A comment, which clients pass over: the connection lives.</summary>
    public async Task PingAsync(CancellationToken cancellationToken)
    {
        Begin();
        response.BodyWriter.Write(": ping\n\n"u8);
        await response.BodyWriter.FlushAsync(cancellationToken);
    }

    /// <summary>OpenAI's end of a stream.</summary>
    public async Task WriteDoneAsync(CancellationToken cancellationToken)
    {
        Begin();
        response.BodyWriter.Write("data: [DONE]\n\n"u8);
        await response.BodyWriter.FlushAsync(cancellationToken);
    }

    /// <summary>Runs a stream: an error after the first event can only be told as an event.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="tell">Tells an error; null for OpenAI's way.</param>
    public async Task GuardAsync(Func<Task> stream, Func<Exception, Task>? tell = null)
    {
        try
        {
            await stream();
        }
        catch (Exception e) when (response.HasStarted && !response.HttpContext.RequestAborted.IsCancellationRequested)
        {
            ErrorAnswers.Log(response.HttpContext, e);
            if (tell is not null)
                await tell(e);
            else
                await WriteAsync(ModelDialect.Translate(e).ToRecord(), ApiJson.Readable.ErrorAnswer, CancellationToken.None);
        }
    }

    void Begin()
    {
        if (response.HasStarted)
            return;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";   // nginx would hold events back
    }
}
