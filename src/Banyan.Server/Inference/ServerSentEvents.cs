using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Server.Access;
using Banyan.Server.Inference.OpenAi;
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

    /// <summary>OpenAI's end of a stream.</summary>
    public async Task WriteDoneAsync(CancellationToken cancellationToken)
    {
        Begin();
        response.BodyWriter.Write("data: [DONE]\n\n"u8);
        await response.BodyWriter.FlushAsync(cancellationToken);
    }

    /// <summary>Runs a stream: an error after the first event can only be told as an event.</summary>
    public async Task GuardAsync(Func<Task> stream)
    {
        try
        {
            await stream();
        }
        catch (Exception e) when (response.HasStarted && !response.HttpContext.RequestAborted.IsCancellationRequested)
        {
            await WriteAsync(OpenAiDialect.Translate(e).ToRecord(), ApiJson.Readable.ErrorAnswer, CancellationToken.None);
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
