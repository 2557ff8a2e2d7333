using Banyan.Server.Access;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// Clone and fetch: <c>git-upload-pack</c>, versions 0, 1 and 2 (gitprotocol-pack, gitprotocol-v2). Stateless: each request says all that
/// the server needs.
/// </summary>
sealed class UploadPack(Fetches fetches, LsRefs lsRefs, UploadPackV0 v0, PackSender sender)
{
    /// <summary>The longest request.</summary>
    public const long MaxBodyBytes = 16 << 20;

    const int MaxLines = 250_000;

    /// <summary><c>POST /{repo}/git-upload-pack</c></summary>
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        context.Response.ContentType = "application/x-git-upload-pack-result";
        var writer = new PacketWriter(context.Response.BodyWriter);
        var reader = new PacketReader(GitBody.Reader(context, "upload-pack", MaxBodyBytes), MaxLines);
        try
        {
            if (GitBody.Version(context) == 2)
                await CommandAsync(context, repo, reader, writer);
            else
                await v0.AnswerAsync(context, repo, reader, writer);
        }
        catch (HubException e) when (!context.Response.HasStarted && e.Status is 400 or 404)
        {
            // git shows this line to its user; a status alone it would not explain.
            writer.Line($"ERR {e.Message}");
        }
        await writer.SendAsync(context.RequestAborted);
    }

    async Task CommandAsync(HttpContext context, Repo repo, PacketReader reader, PacketWriter writer)
    {
        string? command = null;
        Packet packet;
        while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
            if (packet.Text.StartsWith("command=", StringComparison.Ordinal))
                command = packet.Text["command=".Length..];
            else if (packet.Text == "object-format=sha256")
                throw HubException.BadRequest("This hub's objects are named by SHA-1.");
        var arguments = new List<string>();
        if (packet.Kind == PacketKind.Delimiter)
            while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
                arguments.Add(packet.Text);
        if (packet.Kind != PacketKind.Flush && (command is not null || packet.Kind != PacketKind.End))
            throw HubException.BadRequest(
                $"The request does not end as one of version 2 does: expected a flush after the arguments of {command ?? "no command"}.");
        switch (command)
        {
            case null when packet.Kind is PacketKind.Flush or PacketKind.End: break;
            case "ls-refs": await lsRefs.AnswerAsync(repo, arguments, writer, context.RequestAborted); break;
            case "fetch": await FetchV2Async(context, repo, arguments, writer); break;
            default: throw HubException.BadRequest($"'{command}' is no command of git that is known here.");
        }
    }

    async Task FetchV2Async(HttpContext context, Repo repo, List<string> arguments, PacketWriter writer)
    {
        var request = new FetchRequest();
        foreach (var line in arguments)
            if (!request.Take(line))
                throw FetchRequest.Bad(line);
        // Who only asks which commits both have wants nothing.
        if (request.Wants.Count == 0 && !request.WaitForDone)
        {
            writer.Flush();
            return;
        }
        var fetch = await fetches.OpenAsync(repo, request, context.RequestAborted);
        if (!request.Done && request.Haves.Count > 0)
        {
            writer.Line("acknowledgments");
            foreach (var have in request.Haves.Where(fetch.Common.Contains).Distinct())
                writer.Line($"ACK {have}");
            if (fetch.Common.Count == 0)
                writer.Line("NAK");
            if (request.WaitForDone || request.Wants.Count == 0 || !fetch.IsEnough())
            {
                writer.Flush();
                return;
            }
            writer.Line("ready");
            writer.Delimiter();
        }
        var boundary = await fetches.BoundaryAsync(fetch, context.RequestAborted);
        if (request.Deepens || boundary.New.Count > 0)
        {
            writer.Line("shallow-info");
            boundary.Write(writer);
            writer.Delimiter();
        }
        writer.Line("packfile");
        await sender.SendAsync(fetch, boundary, writer, context.RequestAborted);
        writer.Flush();
    }
}
