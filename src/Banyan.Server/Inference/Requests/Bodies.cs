using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Requests;

/// <summary>The bodies of requests to models, read within limits on all of them together: a body takes ten times its bytes while it is
/// parsed, rendered and tokenized, so large ones are processed one at a time, and the waiting ones are limited too.</summary>
sealed class Bodies : IDisposable
{
    const int MaxDepth = 64;

    /// <summary>A body up to this size is read and worked on at once.</summary>
    const int SmallBytes = 512 * 1024;

    const int HugeBytes = 4 << 20, MostValues = 2_000_000;

    /// <summary>Bytes of large bodies in memory at a time.</summary>
    const long MostBytes = 128L << 20;

    readonly SemaphoreSlim _turn = new(1);
    long _held;

    /// <summary>Reads a body as a JSON object and makes something of it.</summary>
    /// <exception cref="ApiException">It is not a JSON object, holds text that is none, or comes while too many large ones are
    /// here.</exception>
    public Task<T> ReadAsync<T>(HttpContext context, Func<Fields, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(context, JsonValueKind.Object, "object", body => read(new Fields(body)), cancellationToken);

    /// <summary>The same with a body that is a JSON array.</summary>
    public Task<T> ReadArrayAsync<T>(HttpContext context, Func<IReadOnlyList<JsonElement>, Task<T>> read,
        CancellationToken cancellationToken) =>
        ReadAsync(context, JsonValueKind.Array, "array", body => read([.. body.EnumerateArray()]), cancellationToken);

    async Task<T> ReadAsync<T>(HttpContext context, JsonValueKind kind, string name, Func<JsonElement, Task<T>> read,
        CancellationToken cancellationToken)
    {
        using var held = new Held(this);
        var json = await ReadAsync(context.Request, held, cancellationToken);
        if (json.Length <= SmallBytes)
            return await ParseAsync(json, kind, name, read);
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await ParseAsync(json, kind, name, read);
        }
        finally
        {
            // What a large one left is collected before the next makes as much again.
            if (json.Length > HugeBytes)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
            _turn.Release();
        }
    }

    static async Task<T> ParseAsync<T>(ReadOnlyMemory<byte> json, JsonValueKind kind, string name, Func<JsonElement, Task<T>> read)
    {
        using var document = Parse(json);
        return document.RootElement.ValueKind == kind
            ? await read(document.RootElement)
            : throw new ApiException(400, $"The request's body must be a JSON {name}, but it is {Fields.Describe(document.RootElement)}.");
    }

    static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        // A value takes 12 bytes to find it again, however short it is; a list of so many numbers is no prompt. Commas of texts count as
        // well.
        if (json.Length > SmallBytes && json.Span.Count((byte)',') > MostValues)
            throw ApiException.TooLong($"The request's body has more than {MostValues} commas: no context holds so many tokens.");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new() { MaxDepth = MaxDepth });
        }
        catch (JsonException e)
        {
            throw new ApiException(400, $"The request's body is not valid JSON: {JsonProblem.Of(e)}.", code: "invalid_json");
        }
        catch (InvalidOperationException e) when (e.InnerException is System.Text.DecoderFallbackException)
        {
            throw new ApiException(400, "The request's body is not valid UTF-8.", code: "invalid_json");
        }
        // An escape of half a surrogate pair is valid JSON and no text: whoever reads that string or name fails.
        if (!HalfPairs.AreIn(json.Span))
            return document;
        var path = HalfPairs.Find(document.RootElement) is { Length: <= 100 } found ? found : "(somewhere)";
        document.Dispose();
        throw ApiException.Invalid(path, $"Invalid '{path}': the string is not valid Unicode (half a surrogate pair).");
    }

    static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, Held held, CancellationToken cancellationToken)
    {
        var buffer = new byte[Math.Min(request.ContentLength + 1 ?? 16 * 1024, SmallBytes)];
        var count = 0;
        while (true)
        {
            if (count == buffer.Length)
            {
                // The bytes are counted before they are there.
                var length = (int)Math.Min(request.ContentLength is { } announced && announced >= count ? announced + 1
                    : 2L * count, Array.MaxLength);
                held.Grow(length);
                Array.Resize(ref buffer, length);
            }
            var read = await request.Body.ReadAsync(buffer.AsMemory(count), cancellationToken);
            if (read == 0)
                break;
            count += read;
        }
        var json = buffer.AsMemory(0, count);
        return json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>What one body has of the bytes that all may have.</summary>
    sealed class Held(Bodies bodies) : IDisposable
    {
        long _bytes;

        public void Grow(int length)
        {
            if (length <= SmallBytes)
                return;
            var more = length - _bytes;
            if (Interlocked.Add(ref bodies._held, more) > MostBytes)
            {
                Interlocked.Add(ref bodies._held, -more);
                throw new ApiException(429, "The server is busy with other large requests. Try again in a moment, or send less text.",
                    code: "queue_full", type: "rate_limit_error")
                { RetryAfterSeconds = 2 };
            }
            _bytes = length;
        }

        public void Dispose() => Interlocked.Add(ref bodies._held, -_bytes);
    }
}
