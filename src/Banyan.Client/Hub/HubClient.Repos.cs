using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Client.Hub;
using Banyan.Client.Push;
using Banyan.Client.Wire;

namespace Banyan.Client;

public sealed partial class HubClient
{
    const int PreuploadFiles = 256, BatchFiles = 100;

    HttpRequestMessage Post<T>(string path, T body, JsonTypeInfo<T> type, string mediaType = "application/json")
    {
        var request = new HttpRequestMessage(HttpMethod.Post,
            At(path))
        { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type)) };
        request.Content.Headers.ContentType = new(mediaType);
        if (mediaType != "application/json")
            request.Headers.TryAddWithoutValidation("Accept", mediaType);
        return request;
    }

    /// <summary>The name of the account that the token belongs to.</summary>
    /// <exception cref="HubClientException">There is no token, or the hub does not accept it.</exception>
    public async Task<string> WhoAmIAsync(CancellationToken cancellationToken = default) =>
        (await JsonAsync(() => new HttpRequestMessage(HttpMethod.Get, At("api/whoami-v2")), WireJson.Default.WhoAmIAnswer,
            Options.Endpoint.Authority, cancellationToken)).Name;

    /// <summary>Creates a repo; does nothing if it exists.</summary>
    /// <returns>Whether it was created.</returns>
    public async Task<bool> CreateRepoAsync(RepoId repo, bool isPrivate, CancellationToken cancellationToken = default)
    {
        var me = await WhoAmIAsync(cancellationToken);
        var name = repo.Name[(repo.Name.IndexOf('/') + 1)..];
        var body = new NewRepo(name, repo.Owner == "" || repo.Owner == me ? null : repo.Owner, repo.Type.Text(),
            isPrivate ? "private" : "public");
        using var answer = await SendAsync(() => Post("api/repos/create", body, WireJson.Default.NewRepo), s_apiTimeout, cancellationToken);
        if (answer.StatusCode == HttpStatusCode.Conflict)
            return false;
        if (answer.StatusCode == HttpStatusCode.Forbidden)
        {
            // Who may not make repos here may still write to this one.
            var refusal = await HubErrors.OfAsync(answer, $"{repo} cannot be made", Options, cancellationToken);
            try
            {
                await CommitOfAsync(repo, "main", cancellationToken);
                return false;
            }
            catch (HubClientException e) when (e.Problem == HubProblem.RepoNotFound)
            {
                throw refusal;
            }
        }
        await EnsureAsync(answer, $"{repo} cannot be made", cancellationToken);
        return true;
    }

    /// <summary>Creates a branch from main; does nothing if it exists.</summary>
    internal async Task CreateBranchAsync(RepoId repo, string branch, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Post,
                At($"{repo.Api}/branch/{Uri.EscapeDataString(branch)}"))
            { Content = new StringContent("{}") };
            request.Content.Headers.ContentType = new("application/json");
            return request;
        }, s_apiTimeout, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.Conflict)
            await EnsureAsync(answer, $"branch {branch} of {repo} cannot be made", cancellationToken);
    }

    /// <summary>How the hub wants each file uploaded, and which of them it already has.</summary>
    internal async Task<Dictionary<string, PreuploadMode>> PreuploadAsync(RepoId repo, string revision, IReadOnlyList<LocalFile> files,
        string? gitIgnore, CancellationToken cancellationToken)
    {
        var modes = new Dictionary<string, PreuploadMode>();
        foreach (var some in files.Chunk(PreuploadFiles))
        {
            var body =
                new PreuploadRequest(
                    await Task.WhenAll(some.Select(async f => new PreuploadFile(f.Path, await f.SampleAsync(cancellationToken), f.Size))),
                    gitIgnore);
            var answer =
                await JsonAsync(() => Post($"{repo.Api}/preupload/{Uri.EscapeDataString(revision)}", body,
                    WireJson.Default.PreuploadRequest), WireJson.Default.PreuploadAnswer, $"{repo}", cancellationToken);
            foreach (var mode in answer.Files)
                modes[mode.Path] = mode;
        }
        return files.FirstOrDefault(f => !modes.ContainsKey(f.Path)) is { } forgotten
            ? throw new HubClientException(HubProblem.WrongAnswer, $"the hub does not say how it wants '{forgotten.Path}'")
            : modes;
    }

    /// <summary>Where the hub wants large files uploaded, by which transfer; objects without actions already exist.</summary>
    internal async Task<List<(string Transfer, ScannedFile File, ObjectAnswer Object)>> BatchAsync(RepoId repo, string revision,
        IReadOnlyList<ScannedFile> files, bool chunks, CancellationToken cancellationToken)
    {
        var all = new List<(string, ScannedFile, ObjectAnswer)>();
        foreach (var some in files.Chunk(BatchFiles))
        {
            var body = new BatchRequest(
                "upload", chunks ? ["basic", "multipart", "xet"] : ["basic", "multipart"], "sha256", new BatchRef(revision),
                [.. some.Select(f => new LfsObject(f.Sha256, f.File.Size)).DistinctBy(o => o.Oid)]);
            var answer = await JsonAsync(
                () => Post($"{repo.Page}.git/info/lfs/objects/batch", body, LfsJson.Default.BatchRequest, LfsJson.ContentType),
                LfsJson.Default.BatchAnswer, $"{repo}", cancellationToken);
            foreach (var file in some)
            {
                var item = answer.Objects.FirstOrDefault(o => o.Oid == file.Sha256)
                    ?? throw new HubClientException(HubProblem.WrongAnswer, $"the hub does not say where it wants '{file.File.Path}'");
                if (item.Error is { } error)
                    throw new HubClientException(HubProblem.Refused, $"{file.File.Path}: the hub refuses it: {error.Message}",
                        (HttpStatusCode)error.Code);
                all.Add((answer.Transfer ?? "basic", file, item));
            }
        }
        return all;
    }

    /// <summary>Commits what was uploaded.</summary>
    internal Task<CommitAnswer> CommitAsync(RepoId repo, string revision, string message, IReadOnlyList<LocalFile> small,
        IReadOnlyList<ScannedFile> large, CancellationToken cancellationToken) =>
        CommitAsync(repo, revision, () => new CommitBody(message, small, large), cancellationToken);

    async Task<CommitAnswer> CommitAsync(RepoId repo, string revision, Func<HttpContent> body, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, At($"{repo.Api}/commit/{Uri.EscapeDataString(revision)}")) { Content = body() },
            TimeSpan.FromMinutes(10), cancellationToken);
        return await JsonAsync(answer, WireJson.Default.CommitAnswer, $"{repo}", cancellationToken);
    }
}
