using System.Text.Json.Serialization;

namespace Banyan.Client.Wire;

/// <summary>The address of the chunk store and the token for it; <c>Expires</c> in Unix seconds.</summary>
sealed record XetToken(
    [property: JsonPropertyName("casUrl")] string CasUrl,
    [property: JsonPropertyName("accessToken")] string AccessToken,
    [property: JsonPropertyName("exp")] long Expires);

/// <summary>Answer to an uploaded xorb.</summary>
sealed record XorbAnswer([property: JsonPropertyName("was_inserted")] bool WasInserted);

/// <summary>Answer to an uploaded shard, version 1: 0 if it was known, 1 if it was recorded.</summary>
sealed record ShardAnswer([property: JsonPropertyName("result")] int Result);

/// <summary>
/// A line of the answer to an uploaded shard, version 2: <c>validating</c>, <c>committing</c>, and at the end <c>result</c> or
/// <c>error</c>.
/// </summary>
sealed record ShardFrame([property: JsonPropertyName("type")] string? Type)
{
    [JsonPropertyName("verified")]
    public long? Verified { get; init; }

    [JsonPropertyName("total")]
    public long? Total { get; init; }

    [JsonPropertyName("stage")]
    public string? Stage { get; init; }

    [JsonPropertyName("message")]
    public string? Message { get; init; }

    [JsonPropertyName("retryable")]
    public bool? Retryable { get; init; }
}

/// <summary>Chunks of a xorb; <c>End</c> is exclusive.</summary>
sealed record ChunkRange([property: JsonPropertyName("start")] int Start, [property: JsonPropertyName("end")] int End);

/// <summary>Bytes of a stored xorb; <c>End</c> is inclusive.</summary>
sealed record StoredRange([property: JsonPropertyName("start")] long Start, [property: JsonPropertyName("end")] long End);

/// <summary>A run of chunks of a xorb.</summary>
sealed record TermAnswer(
    [property: JsonPropertyName("hash")] string Xorb,
    [property: JsonPropertyName("unpacked_length")] long Length,
    [property: JsonPropertyName("range")] ChunkRange Chunks);

/// <summary>Where a run of chunks is fetched, version 1.</summary>
sealed record FetchV1(
    [property: JsonPropertyName("range")] ChunkRange Chunks,
    [property: JsonPropertyName("url")] string Url,
    [property: JsonPropertyName("url_range")] StoredRange Bytes);

/// <summary>What a file is made of, version 1.</summary>
sealed record ReconstructionV1(
    [property: JsonPropertyName("offset_into_first_range")] long Offset,
    [property: JsonPropertyName("terms")] IEnumerable<TermAnswer> Terms,
    [property: JsonPropertyName("fetch_info")] IReadOnlyDictionary<string, List<FetchV1>> Fetches);

/// <summary>What several files are made of.</summary>
sealed record ReconstructionsV1(
    [property: JsonPropertyName("files")] IReadOnlyDictionary<string, IEnumerable<TermAnswer>> Files,
    [property: JsonPropertyName("fetch_info")] IReadOnlyDictionary<string, List<FetchV1>> Fetches);

/// <summary>Chunks and the bytes that hold them.</summary>
sealed record FetchRangeV2([property: JsonPropertyName("chunks")] ChunkRange Chunks,
    [property: JsonPropertyName("bytes")] StoredRange Bytes);

/// <summary>Where a run of chunks is fetched, version 2.</summary>
sealed record FetchV2([property: JsonPropertyName("url")] string Url,
    [property: JsonPropertyName("ranges")] IReadOnlyList<FetchRangeV2> Ranges);

/// <summary>What a file is made of, version 2.</summary>
sealed record ReconstructionV2(
    [property: JsonPropertyName("offset_into_first_range")] long Offset,
    [property: JsonPropertyName("terms")] IEnumerable<TermAnswer> Terms,
    [property: JsonPropertyName("xorbs")] IReadOnlyDictionary<string, List<FetchV2>> Xorbs);

/// <summary>A part of a file that must be chunked again: its first byte and the one after its last.</summary>
sealed record WindowAnswer([property: JsonPropertyName("dirtyByteRange")] IReadOnlyList<long> Bytes);

/// <summary>A node of the tree over a file's chunks.</summary>
sealed record MerkleNodeAnswer([property: JsonPropertyName("hash")] string Hash, [property: JsonPropertyName("size")] long Size);

/// <summary>A run of chunks (<see cref="Banyan.Chunks.MerkleRun"/>).</summary>
sealed record MerkleRunAnswer(
    [property: JsonPropertyName("nodes")] IReadOnlyList<MerkleNodeAnswer> Nodes,
    [property: JsonPropertyName("levels")] IReadOnlyList<int[]> Levels,
    [property: JsonPropertyName("at_start")] bool AtStart,
    [property: JsonPropertyName("at_end")] bool AtEnd);

/// <summary>What a client needs to change some bytes of a file.</summary>
sealed record ChunkHashesAnswer(
    [property: JsonPropertyName("totalChunks")] long Chunks,
    [property: JsonPropertyName("fileSize")] long Size,
    [property: JsonPropertyName("windows")] IReadOnlyList<WindowAnswer> Windows,
    [property: JsonPropertyName("hashRanges")] IReadOnlyList<MerkleRunAnswer?> Between,
    [property: JsonPropertyName("gapVerification")] IReadOnlyList<string> Verification);

/// <summary>Serializers of the Xet API.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(XetToken))]
[JsonSerializable(typeof(XorbAnswer))]
[JsonSerializable(typeof(ShardAnswer))]
[JsonSerializable(typeof(ShardFrame))]
[JsonSerializable(typeof(ReconstructionV1))]
[JsonSerializable(typeof(ReconstructionsV1))]
[JsonSerializable(typeof(ReconstructionV2))]
[JsonSerializable(typeof(ChunkHashesAnswer))]
sealed partial class XetJson : JsonSerializerContext;
