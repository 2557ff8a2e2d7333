using System.Text.Json;
using System.Text.Json.Serialization;

namespace Banyan.Client.Wire;

/// <summary>The objects that a client wants to upload or download, and the transfers that it supports.</summary>
sealed record BatchRequest(
    [property: JsonPropertyName("operation")] string? Operation,
    [property: JsonPropertyName("transfers")] IReadOnlyList<string>? Transfers,
    [property: JsonPropertyName("hash_algo")] string? HashAlgorithm,
    [property: JsonPropertyName("ref")] BatchRef? Ref,
    [property: JsonPropertyName("objects")] IReadOnlyList<LfsObject>? Objects);

sealed record BatchRef([property: JsonPropertyName("name")] string? Name);

/// <summary>An object by its SHA-256 and length.</summary>
sealed record LfsObject([property: JsonPropertyName("oid")] string? Oid, [property: JsonPropertyName("size")] long Size);

/// <summary>How to upload or download each object.</summary>
sealed record BatchAnswer(
    [property: JsonPropertyName("transfer")] string? Transfer,
    [property: JsonPropertyName("objects")] IReadOnlyList<ObjectAnswer> Objects)
{
    [JsonPropertyName("hash_algo")]
    public string HashAlgorithm => "sha256";
}

/// <summary>How to transfer one object; without actions, the hub already has it.</summary>
sealed record ObjectAnswer([property: JsonPropertyName("oid")] string Oid, [property: JsonPropertyName("size")] long Size)
{
    [JsonPropertyName("authenticated")]
    public bool? Authenticated { get; init; }

    [JsonPropertyName("actions")]
    public IReadOnlyDictionary<string, LfsAction>? Actions { get; init; }

    [JsonPropertyName("error")]
    public LfsError? Error { get; init; }
}

/// <summary>A request to make, with its headers; multipart uploads put their parts' addresses there.</summary>
sealed record LfsAction(
    [property: JsonPropertyName("href")] string Href,
    [property: JsonPropertyName("header"), JsonConverter(typeof(LfsHeader))] IReadOnlyDictionary<string, string>? Header = null,
    [property: JsonPropertyName("expires_in")] int? ExpiresIn = null);

sealed record LfsError([property: JsonPropertyName("code")] int Code, [property: JsonPropertyName("message")] string Message);

/// <summary>Completes an upload whose parts were all sent.</summary>
sealed record CompleteRequest(
    [property: JsonPropertyName("oid")] string? Oid,
    [property: JsonPropertyName("parts")] IReadOnlyList<CompletePart>? Parts);

sealed record CompletePart(
    [property: JsonPropertyName("partNumber")] int Number,
    [property: JsonPropertyName("etag")] string? ETag);

sealed record LockRequest([property: JsonPropertyName("path")] string? Path);

sealed record UnlockRequest([property: JsonPropertyName("force")] bool Force);

sealed record VerifyLocks([property: JsonPropertyName("cursor")] string? Cursor, [property: JsonPropertyName("limit")] int? Limit);

sealed record LfsLock(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("path")] string Path,
    [property: JsonPropertyName("locked_at")] string LockedAt,
    [property: JsonPropertyName("owner")] LfsLockOwner Owner);

sealed record LfsLockOwner([property: JsonPropertyName("name")] string Name);

/// <summary>A lock that was taken or released, or the one that conflicts.</summary>
sealed record LockAnswer([property: JsonPropertyName("lock")] LfsLock Lock, [property: JsonPropertyName("message")] string? Message);

/// <summary>The caller's locks and those of others.</summary>
sealed record LocksToVerify(
    [property: JsonPropertyName("ours")] IReadOnlyList<LfsLock> Ours,
    [property: JsonPropertyName("theirs")] IReadOnlyList<LfsLock> Theirs,
    [property: JsonPropertyName("next_cursor")] string? Next);

sealed record Locks([property: JsonPropertyName("locks")] IReadOnlyList<LfsLock> All,
    [property: JsonPropertyName("next_cursor")] string? Next);

/// <summary>Serializers of the git-lfs API.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BatchRequest))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(CompleteRequest))]
[JsonSerializable(typeof(LfsObject))]
[JsonSerializable(typeof(LockRequest))]
[JsonSerializable(typeof(LockAnswer))]
[JsonSerializable(typeof(UnlockRequest))]
[JsonSerializable(typeof(VerifyLocks))]
[JsonSerializable(typeof(LocksToVerify))]
[JsonSerializable(typeof(Locks))]
sealed partial class LfsJson : JsonSerializerContext
{
    public const string ContentType = "application/vnd.git-lfs+json";
}

/// <summary>An action's headers. Some hubs write numbers, such as <c>chunk_size</c>, as JSON numbers.</summary>
sealed class LfsHeader : JsonConverter<IReadOnlyDictionary<string, string>>
{
    public override IReadOnlyDictionary<string, string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("a header is an object");
        var header = new Dictionary<string, string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            header[name] = JsonElement.ParseValue(ref reader).ToString();
        }
        return header;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, text) in value)
            writer.WriteString(name, text);
        writer.WriteEndObject();
    }
}
