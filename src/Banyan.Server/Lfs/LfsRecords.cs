using System.Text.Json.Serialization;

namespace Banyan.Server.Lfs;

/// <summary>What a client wants to send or fetch.</summary>
sealed record BatchRequest(
    [property: JsonPropertyName("operation")] string? Operation,
    [property: JsonPropertyName("transfers")] IReadOnlyList<string>? Transfers,
    [property: JsonPropertyName("hash_algo")] string? HashAlgorithm,
    [property: JsonPropertyName("ref")] BatchRef? Ref,
    [property: JsonPropertyName("objects")] IReadOnlyList<LfsObject>? Objects);

sealed record BatchRef([property: JsonPropertyName("name")] string? Name);

/// <summary>An object by its SHA-256 and length.</summary>
sealed record LfsObject([property: JsonPropertyName("oid")] string? Oid, [property: JsonPropertyName("size")] long Size);

/// <summary>How each object is sent or fetched.</summary>
sealed record BatchAnswer(
    [property: JsonPropertyName("transfer")] string Transfer,
    [property: JsonPropertyName("objects")] IReadOnlyList<ObjectAnswer> Objects)
{
    [JsonPropertyName("hash_algo")]
    public string HashAlgorithm => "sha256";
}

/// <summary>An object without actions is there already.</summary>
sealed record ObjectAnswer([property: JsonPropertyName("oid")] string Oid, [property: JsonPropertyName("size")] long Size)
{
    [JsonPropertyName("authenticated")]
    public bool? Authenticated { get; init; }

    [JsonPropertyName("actions")]
    public IReadOnlyDictionary<string, LfsAction>? Actions { get; init; }

    [JsonPropertyName("error")]
    public LfsError? Error { get; init; }
}

sealed record LfsAction(
    [property: JsonPropertyName("href")] string Href,
    [property: JsonPropertyName("header")] IReadOnlyDictionary<string, string>? Header = null,
    [property: JsonPropertyName("expires_in")] int? ExpiresIn = null);

sealed record LfsError([property: JsonPropertyName("code")] int Code, [property: JsonPropertyName("message")] string Message);

/// <summary>All parts of an upload are there.</summary>
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

/// <summary>A lock that was taken, removed, or is in the way.</summary>
sealed record LockAnswer([property: JsonPropertyName("lock")] LfsLock Lock, [property: JsonPropertyName("message")] string? Message);

/// <summary>One's own locks and those of others.</summary>
sealed record LocksToVerify(
    [property: JsonPropertyName("ours")] IReadOnlyList<LfsLock> Ours,
    [property: JsonPropertyName("theirs")] IReadOnlyList<LfsLock> Theirs,
    [property: JsonPropertyName("next_cursor")] string? Next);

sealed record Locks([property: JsonPropertyName("locks")] IReadOnlyList<LfsLock> All, [property: JsonPropertyName("next_cursor")] string? Next);

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
