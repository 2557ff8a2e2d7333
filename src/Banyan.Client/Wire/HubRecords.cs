using System.Text.Json;
using System.Text.Json.Serialization;

namespace Banyan.Client.Wire;

sealed record RevisionAnswer(string? Sha);

sealed record TreeItem(string Type, string Path, string Oid, long Size, TreeLfs? Lfs, string? XetHash);

sealed record TreeLfs(string Oid, long Size);

sealed record WhoAmIAnswer(string Name, string Type);

/// <summary>A repo to create; clients omit the fields that they leave to the defaults.</summary>
sealed record NewRepo(string? Name, string? Organization, string? Type, string? Visibility, bool? Private = null,
    string? Sdk = null, string? License = null,
    IReadOnlyList<NewRepoFile>? Files = null, string? ResourceGroupId = null);

/// <summary>A file of a repo's first commit.</summary>
sealed record NewRepoFile(string? Path, string? Content, string? Encoding);

sealed record CreatedRepo(string? Url);

/// <summary>Files about to be committed; the patterns replace those of the repo's own files.</summary>
sealed record PreuploadRequest(IReadOnlyList<PreuploadFile>? Files, string? GitIgnore, string? GitAttributes = null);

/// <summary>A file's path, size in bytes and first bytes in base64.</summary>
sealed record PreuploadFile(string? Path, string? Sample, long? Size);

sealed record PreuploadAnswer(IReadOnlyList<PreuploadMode> Files);

/// <summary>Whether a file is uploaded as <c>regular</c> or <c>lfs</c>, or ignored; the object id of what is now at its path.</summary>
sealed record PreuploadMode(string Path, string UploadMode, bool ShouldIgnore, string? Oid);

sealed record CommitHeader(string Summary, string Description);

sealed record CommitFile(string Path, string Content, string Encoding);

sealed record CommitLfsFile(string Path, string Algo, string Oid, long Size);

sealed record CommitLine<T>(string Key, T Value);

sealed record CommitAnswer(string? CommitUrl, string? CommitOid);

/// <summary>What the holder of a key is to sign, and as whom.</summary>
sealed record SigningChallenge(string Challenge, string User);

/// <summary>A key that signed a challenge.</summary>
sealed record SigningKeyBody(string? Name, string PublicKey, string Challenge, string Signature);

/// <summary>Serializers of the hub's own API.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RevisionAnswer))]
[JsonSerializable(typeof(TreeItem[]))]
[JsonSerializable(typeof(WhoAmIAnswer))]
[JsonSerializable(typeof(NewRepo))]
[JsonSerializable(typeof(CreatedRepo))]
[JsonSerializable(typeof(PreuploadRequest))]
[JsonSerializable(typeof(PreuploadAnswer))]
[JsonSerializable(typeof(CommitLine<CommitHeader>))]
[JsonSerializable(typeof(CommitLine<CommitFile>))]
[JsonSerializable(typeof(CommitLine<CommitLfsFile>))]
[JsonSerializable(typeof(CommitAnswer))]
[JsonSerializable(typeof(SigningChallenge))]
[JsonSerializable(typeof(SigningKeyBody))]
sealed partial class WireJson : JsonSerializerContext;
