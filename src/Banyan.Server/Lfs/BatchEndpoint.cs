using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.Xet;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>
/// POST /{repo}.git/info/lfs/objects/batch: says for each object whether it is here, and how it is sent or fetched.
/// <code>
/// upload    xet        the client offers it (huggingface_hub 1.0 to 1.19, @huggingface/hub)
///           multipart  the client offers it and an object is large
///           basic      one PUT
/// download  basic      always: git-lfs's other agents only send
/// </code>
/// </summary>
sealed class BatchEndpoint(Authoriser authoriser, ContentStore contents, HeldFiles held, LfsTickets tickets, TokenEndpoints xet,
    HubAddress hub, StorageLimits limits)
{
    const int MaxObjects = 10_000;

    // A part is what a line that breaks costs; a thousand of them are what an answer can name.
    const long PartBytes = 8 << 20;
    const int MaxParts = 1000;

    // Each part has a signed address: ten thousand objects of a thousand parts would make an answer of gigabytes.
    const int MaxPartsOfBatch = 10_000;
    const long MaxBytes = 1L << 40;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var request = await LfsBody.ReadAsync<BatchRequest>(context);
        if (request.HashAlgorithm is not (null or "sha256" or "sha_256"))
            throw HubException.Conflict($"Objects are named by sha256 here, not by {request.HashAlgorithm}.");
        if (request.Objects is not { Count: <= MaxObjects } objects)
            throw HubException.Unprocessable($"A batch names up to {MaxObjects} objects.");
        var upload = request.Operation switch
        {
            "upload" => true,
            "download" => false,
            _ => throw HubException.Unprocessable($"The operation is 'upload' or 'download', not '{request.Operation}'."),
        };
        // Clients do not say here that they upload for a pull request.
        if (upload)
            await authoriser.RepoAsync(context, repo.Type, repo.FullName, Need.Contribute, context.RequestAborted);

        var offers = request.Transfers ?? ["basic"];
        var transfer = !upload ? "basic"
            : offers.Contains("xet") ? "xet"
            : offers.Contains("multipart") && objects.Any(o => o.Size > PartBytes) ? "multipart"
            : "basic";
        var parts = Math.Clamp(MaxPartsOfBatch / Math.Max(1, objects.Count(o => o.Size > PartBytes)), 1, MaxParts);
        var xetUpload = transfer == "xet" ? await XetAsync(context, repo, request.Ref?.Name ?? repo.DefaultBranch) : null;
        var (answers, known) = (new List<ObjectAnswer>(objects.Count), new List<long>());
        var room = upload ? await limits.RoomAsync(repo.Id, context.RequestAborted) : long.MaxValue;
        foreach (var asked in objects)
        {
            var answer = await AnswerAsync(context, repo, asked, upload, transfer, parts, xetUpload, known);
            // What does not fit is said before its bytes come; what does is reserved only then.
            if (upload && answer.Actions is not null && (room -= asked.Size) < 0)
            {
                room += asked.Size;
                answer = answer with
                {
                    Actions = null,
                    Error = new LfsError(507, $"{repo.Owner} has room for {room} bytes more; this object has {asked.Size}.")
                };
            }
            answers.Add(answer);
        }
        // The client will not send what it is told is here, and commit it later.
        foreach (var some in known.Chunk(GitObjects.BatchObjects))
            await contents.GrantAsync(repo.Id, some, context.RequestAborted);
        await LfsBody.WriteAsync(context, new BatchAnswer(transfer, answers), LfsJson.Default.BatchAnswer);
    }

    async Task<ObjectAnswer> AnswerAsync(HttpContext context, Repo repo, LfsObject asked, bool upload, string transfer, int parts,
        LfsAction? xetUpload, List<long> known)
    {
        var answer = new ObjectAnswer(asked.Oid ?? "", asked.Size) { Authenticated = true };
        if (!Sha256.TryParse(asked.Oid, out var sha256) || asked.Size is < 0 or > MaxBytes)
            return answer with { Error = new LfsError(422, $"An object is 64 lower-case hexadecimal digits and 0 to {MaxBytes} bytes.") };

        // That another repository has it is not said, and does not count: who sends an object proves to have it.
        var token = (await authoriser.CallerAsync(context)).TokenId;
        var file = await held.FindAsync(repo.Id, sha256, context.RequestAborted);
        if (file is not null && file.Size != asked.Size)
            return answer with { Error = new LfsError(422, $"This object has {file.Size} bytes, not {asked.Size}.") };
        if (!upload)
            return file is null
                ? answer with { Error = new LfsError(404, "This repository has no such object.") }
                : answer with
                {
                    Actions =
                    Download(await tickets.DownloadAsync(context, new LfsTicket(token, repo.Id, sha256, file.Size, 0)))
                };
        if (file is not null)
        {
            known.Add(file.Content);
            return answer;
        }
        if (xetUpload is not null)
            return answer with { Actions = new Dictionary<string, LfsAction> { ["upload"] = xetUpload } };

        // Agents of git-lfs know parts alone; other clients save themselves a request for what is small.
        var inParts = transfer == "multipart" && (asked.Size > PartBytes || (asked.Size > 0 && IsGitLfs(context)));
        var ticket = new LfsTicket(token, repo.Id, sha256, asked.Size, inParts ? PartLength(asked.Size, parts) : 0);
        return answer with
        {
            Actions = new Dictionary<string, LfsAction>
            {
                ["upload"] = ticket.PartBytes > 0 ? await PartsAsync(context, ticket) : Timed(await tickets.UploadAsync(context, ticket)),
                ["verify"] = Timed(await tickets.VerifyAsync(context, ticket)),
            },
        };
    }

    static bool IsGitLfs(HttpContext context) =>
        context.Request.Headers.UserAgent.ToString().StartsWith("git-lfs/", StringComparison.Ordinal);

    static long PartLength(long size, int parts) => Math.Max(PartBytes, (size / parts + (1 << 20)) >> 20 << 20);

    /// <summary>
    /// Clients tell parts by the digits in the header's names, and expect nothing else there. All names are equally long: git-lfs hands
    /// them on in the order of the alphabet, and Hugging Face's agent for it takes them for the order of the parts.
    /// </summary>
    async Task<LfsAction> PartsAsync(HttpContext context, LfsTicket ticket)
    {
        var header = new Dictionary<string, string> { ["chunk_size"] = ticket.PartBytes.ToString(CultureInfo.InvariantCulture) };
        for (var part = 1; part <= ticket.Parts; part++)
            header[part.ToString("D5", CultureInfo.InvariantCulture)] = await tickets.PartAsync(context, ticket, part);
        return Timed(await tickets.CompleteAsync(context, ticket)) with { Header = header };
    }

    /// <summary>One token serves all objects of the batch.</summary>
    async Task<LfsAction> XetAsync(HttpContext context, Repo repo, string revision)
    {
        var token = await xet.IssueAsync(context, repo, write: true);
        var header = TokenEndpoints.Headers(token).ToDictionary(h => h.Name, h => h.Value);
        header["X-Xet-Session-Id"] = Guid.NewGuid().ToString("N");
        var href =
            $"{hub.Root(context)}/api/{repo.Type.Plural()}/{repo.FullName}/xet-write-token/{Uri.EscapeDataString(revision.Replace("refs/heads/", "", StringComparison.Ordinal))}";
        return new LfsAction(href, header);
    }

    static Dictionary<string, LfsAction> Download(string href) => new() { ["download"] = Timed(href) };

    static LfsAction Timed(string href) => new(href, ExpiresIn: (int)LfsTickets.Validity.TotalSeconds);
}
