using System.Text.Json.Serialization;

namespace Banyan.Client.Xet;

sealed record ChunkRange(int Start, int End);

/// <summary>Both ends are part of it.</summary>
sealed record StoredRange(long Start, long End);

sealed record TermAnswer(string Hash, long UnpackedLength, ChunkRange Range);

sealed record ReconstructionV1(long OffsetIntoFirstRange, TermAnswer[] Terms, Dictionary<string, FetchV1[]> FetchInfo);

sealed record FetchV1(ChunkRange Range, string Url, StoredRange UrlRange);

sealed record ReconstructionV2(long OffsetIntoFirstRange, TermAnswer[] Terms, Dictionary<string, FetchV2[]> Xorbs);

sealed record FetchV2(string Url, FetchRangeV2[] Ranges);

sealed record FetchRangeV2(ChunkRange Chunks, StoredRange Bytes);

/// <summary>A line of the answer to a shard: <c>validating</c>, <c>committing</c>, and at the end <c>result</c> or <c>error</c>.</summary>
sealed record ShardFrame(string? Type, string? Message, bool Retryable);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ReconstructionV1))]
[JsonSerializable(typeof(ReconstructionV2))]
[JsonSerializable(typeof(ShardFrame))]
sealed partial class XetJson : JsonSerializerContext;
