using System.Globalization;
using Banyan.Server.Access;

namespace Banyan.Server.Git.Transport;

/// <summary>A ref that a push moves, makes (from null) or removes (to null).</summary>
readonly record struct RefChange(string Name, GitId? From, GitId? To);

/// <summary>What a push asks for (gitprotocol-pack, "Reference Update Request").</summary>
/// <param name="Changes">The refs.</param>
/// <param name="Capabilities">What the client understands of the answer.</param>
sealed record PushRequest(IReadOnlyList<RefChange> Changes, IReadOnlySet<string> Capabilities)
{
    const int MaxChanges = 10_000, MaxOptions = 100;

    public bool IsAtomic => Capabilities.Contains("atomic");

    public bool IsQuiet => Capabilities.Contains("quiet");

    public bool Reports => Capabilities.Contains("report-status") || Capabilities.Contains("report-status-v2");

    public bool HasSideband => Capabilities.Contains("side-band-64k");

    public bool NeedsPack => Changes.Any(c => c.To is not null);

    /// <summary>Reads the commands, and the options that follow them: nothing here understands any, and none leaves this method.</summary>
    /// <exception cref="HubException">400.</exception>
    public static async Task<PushRequest> ReadAsync(PacketReader reader, CancellationToken cancellationToken)
    {
        var (changes, capabilities) = (new List<RefChange>(), new HashSet<string>());
        Packet packet;
        while ((packet = await reader.ReadAsync(cancellationToken)).IsData)
        {
            var line = packet.Text;
            if (line.StartsWith("shallow ", StringComparison.Ordinal))
                continue;   // what a shallow clone lacks must be here: that is checked of every push
            if (line.StartsWith("push-cert", StringComparison.Ordinal))
                throw HubException.BadRequest("Signed pushes are not taken here: push without --signed.");
            if (changes.Count == 0 && line.IndexOf('\0', StringComparison.Ordinal) is >= 0 and var zero)
                (capabilities, line) = ([.. line[(zero + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)], line[..zero]);
            changes.Add(Change(line));
            if (changes.Count > MaxChanges)
                throw HubException.BadRequest($"A push changes at most {MaxChanges} refs: make several.");
        }
        if (changes.GroupBy(c => c.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw HubException.BadRequest($"The push changes {twice.Key} twice.");
        if (capabilities.Contains("push-options"))
            for (var n = 0; (await reader.ReadAsync(cancellationToken)).IsData; n++)
                if (n == MaxOptions)
                    throw HubException.BadRequest($"A push has at most {MaxOptions} options.");
        return new(changes, capabilities);
    }

    static RefChange Change(string line)
    {
        if (line.Length > 82 && line[40] == ' ' && line[81] == ' ' && GitId.TryParse(line.AsSpan(0, 40), out var from)
            && GitId.TryParse(line.AsSpan(41, 40), out var to)
            && PacketReader.Utf8(line[82..]) is { } name)
            return new(name, from == default ? null : from, to == default ? null : to);
        throw HubException.BadRequest(string.Create(CultureInfo.InvariantCulture,
            $"A command of the push, of {line.Length} bytes, is not as git writes it."));
    }
}
