using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference;

/// <summary>Answers that hold vectors, written one by one: as nodes of JSON a number would take thirty times its bytes.</summary>
static class VectorReplies
{
    /// <summary>Writes an object with a list of vectors in it.</summary>
    /// <param name="response">Where to.</param>
    /// <param name="begin">Writes what precedes the list, and opens it.</param>
    /// <param name="vectors">The vectors.</param>
    /// <param name="each">Writes one, with its index.</param>
    /// <param name="end">Ends the list, and writes what stands behind.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static async Task WriteVectorsAsync(this HttpResponse response, Action<Utf8JsonWriter> begin, IReadOnlyList<float[]> vectors,
        Action<Utf8JsonWriter, float[], int> each, Action<Utf8JsonWriter> end, CancellationToken cancellationToken)
    {
        response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(response.BodyWriter);
        json.WriteStartObject();
        begin(json);
        for (var i = 0; i < vectors.Count; i++)
        {
            each(json, vectors[i], i);
            await json.FlushAsync(cancellationToken);
            await response.BodyWriter.FlushAsync(cancellationToken);
        }
        end(json);
        json.WriteEndObject();
        await json.FlushAsync(cancellationToken);
    }

    public static void WriteVector(this Utf8JsonWriter json, float[] vector)
    {
        json.WriteStartArray();
        foreach (var value in vector)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    /// <summary>OpenAI's count of tokens, where none are generated.</summary>
    public static void WriteUsage(this Utf8JsonWriter json, int tokens)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
    }
}
