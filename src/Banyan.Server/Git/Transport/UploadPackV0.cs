using Banyan.Server.Access;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>Fetch in versions 0 and 1, where negotiation is a dialogue that each request says again from its beginning.</summary>
sealed class UploadPackV0(Fetches fetches, PackSender sender)
{
    public async Task AnswerAsync(HttpContext context, Repo repo, PacketReader reader, PacketWriter writer)
    {
        var request = new FetchRequest();
        var capabilities = new HashSet<string>();
        Packet packet;
        while ((packet = await reader.ReadAsync(context.RequestAborted)).IsData)
        {
            var line = packet.Text;
            if (request.Wants.Count == 0 && line.StartsWith("want ", StringComparison.Ordinal) && line.Length > 45)
                (capabilities, line) = ([.. line[45..].Split(' ', StringSplitOptions.RemoveEmptyEntries)], line[..45]);
            if (line.StartsWith("have ", StringComparison.Ordinal) || !request.Take(line))
                throw FetchRequest.Bad(line);
        }
        if (request.Wants.Count == 0)
            return;
        if (!capabilities.Contains("side-band-64k"))
            throw HubException.BadRequest("Fetching needs side-band-64k, which every git since 2006 has.");
        (request.IncludeTag, request.NoProgress, request.DeepenRelative) =
            (capabilities.Contains("include-tag"), capabilities.Contains("no-progress"), capabilities.Contains("deepen-relative"));
        var fetch = await fetches.OpenAsync(repo, request, context.RequestAborted);
        var boundary = await fetches.BoundaryAsync(fetch, context.RequestAborted);
        if (request.Deepens)
        {
            boundary.Write(writer);
            writer.Flush();
        }
        if (await NegotiateAsync(fetch, reader, writer, capabilities, context.RequestAborted))
        {
            await sender.SendAsync(fetch, boundary, writer, context.RequestAborted);
            writer.Flush();
        }
    }

    /// <summary>The haves of versions 0 and 1, answered as they come.</summary>
    /// <returns>Whether the pack follows.</returns>
    static async Task<bool> NegotiateAsync(Fetch fetch, PacketReader reader, PacketWriter writer, HashSet<string> capabilities,
        CancellationToken cancellationToken)
    {
        var (detailed, multi) = (capabilities.Contains("multi_ack_detailed"),
            capabilities.Contains("multi_ack") || capabilities.Contains("multi_ack_detailed"));
        var (gotCommon, gotOther, ready) = (false, false, false);
        GitId? last = null;
        while (true)
        {
            var packet = await reader.ReadAsync(cancellationToken);
            if (packet.Kind == PacketKind.Flush)
            {
                if (detailed && gotCommon && !gotOther && fetch.IsEnough())
                {
                    ready = true;
                    writer.Line($"ACK {last} ready");
                }
                if (last is null || multi)
                    writer.Line("NAK");
                if (ready && capabilities.Contains("no-done"))
                {
                    writer.Line($"ACK {last}");
                    return true;
                }
                (gotCommon, gotOther) = (false, false);
                continue;
            }
            if (packet.Kind != PacketKind.Data)
                return false;
            if (packet.Text == "done")
            {
                if (last is null)
                    writer.Line("NAK");
                else if (multi)
                    writer.Line($"ACK {last}");
                return true;
            }
            if (!packet.Text.StartsWith("have ", StringComparison.Ordinal) || !GitId.TryParse(packet.Text.AsSpan(5), out var have))
                throw FetchRequest.Bad(packet.Text);
            if (!fetch.Reachable.Contains(have))
            {
                gotOther = true;
                if (multi && fetch.IsEnough())
                {
                    ready |= detailed;
                    writer.Line($"ACK {have} {(detailed ? "ready" : "continue")}");
                }
                continue;
            }
            gotCommon = true;
            var isFirst = fetch.Common.Count == 0;
            fetch.Common.Add(have);
            last = have;
            if (multi)
                writer.Line($"ACK {have} {(detailed ? "common" : "continue")}");
            else if (isFirst)
                writer.Line($"ACK {have}");
        }
    }
}
