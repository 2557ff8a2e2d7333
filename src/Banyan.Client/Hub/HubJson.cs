using System.Text.Json;
using System.Text.Json.Serialization;

namespace Banyan.Client.Hub;

sealed record RevisionAnswer(string? Sha);

sealed record TreeItem(string Type, string Path, string Oid, long Size, TreeLfs? Lfs, string? XetHash);

sealed record TreeLfs(string Oid, long Size);

sealed record WhoAmI(string Name, string Type);

sealed record CreateRepo(string Name, string? Organization, string Type, string Visibility);

sealed record CreatedRepo(string? Url);

sealed record PreuploadRequest(IReadOnlyList<PreuploadFile> Files, string? GitIgnore);

sealed record PreuploadFile(string Path, string Sample, long Size);

sealed record PreuploadAnswer(IReadOnlyList<PreuploadMode> Files);

sealed record PreuploadMode(string Path, string UploadMode, bool ShouldIgnore, string? Oid);

sealed record BatchRequest(
    string Operation, IReadOnlyList<string> Transfers, IReadOnlyList<BatchObject> Objects, [property: JsonPropertyName("hash_algo")] string HashAlgo, BatchRef? Ref);

sealed record BatchRef(string Name);

sealed record BatchObject(string Oid, long Size, Dictionary<string, BatchAction>? Actions = null, BatchError? Error = null);

sealed record BatchAction(string Href, Dictionary<string, JsonElement>? Header);

sealed record BatchError(int Code, string Message);

sealed record BatchAnswer(string? Transfer, IReadOnlyList<BatchObject> Objects);

sealed record LfsVerify(string Oid, long Size);

sealed record MultipartDone(string Oid, IReadOnlyList<MultipartPart> Parts);

sealed record MultipartPart(int PartNumber, string Etag);

sealed record CommitHeader(string Summary, string Description);

sealed record CommitFile(string Path, string Content, string Encoding);

sealed record CommitLfsFile(string Path, string Algo, string Oid, long Size);

sealed record CommitLine<T>(string Key, T Value);

sealed record CommitAnswer(string? CommitUrl, string? CommitOid);

sealed record XetToken(string CasUrl, string AccessToken, long Exp);

sealed record XorbAnswer([property: JsonPropertyName("was_inserted")] bool WasInserted);

/// <summary>The records' source-generated serializers.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RevisionAnswer))]
[JsonSerializable(typeof(TreeItem[]))]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(CreateRepo))]
[JsonSerializable(typeof(CreatedRepo))]
[JsonSerializable(typeof(PreuploadRequest))]
[JsonSerializable(typeof(PreuploadAnswer))]
[JsonSerializable(typeof(BatchRequest))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(LfsVerify))]
[JsonSerializable(typeof(MultipartDone))]
[JsonSerializable(typeof(CommitLine<CommitHeader>))]
[JsonSerializable(typeof(CommitLine<CommitFile>))]
[JsonSerializable(typeof(CommitLine<CommitLfsFile>))]
[JsonSerializable(typeof(CommitAnswer))]
[JsonSerializable(typeof(XetToken))]
[JsonSerializable(typeof(XorbAnswer))]
sealed partial class HubJson : JsonSerializerContext;
