using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.Storage;

/// <summary>Signed, short-lived values: used in place of a token where clients send none (upload URLs) or where another protocol has its
/// own (Xet). A ticket of one purpose never passes for another's.</summary>
sealed class Tickets(Secrets secrets, TimeProvider time)
{
    const char Between = '\n';

    /// <summary>Signs fields, none of which has a line break.</summary>
    public async ValueTask<string> IssueAsync(string purpose, DateTimeOffset expires, string[] fields, CancellationToken cancellationToken)
    {
        var payload =
            Encoding.UTF8.GetBytes(string.Join(Between, [expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), .. fields]));
        var key = await secrets.KeyAsync(Secrets.Tickets, cancellationToken);
        return $"{Base64Url.EncodeToString(payload)}.{Base64Url.EncodeToString(Sign(key, purpose, payload))}";
    }

    /// <summary>The fields of a ticket, or null if it is not one of ours for this purpose or has expired.</summary>
    public async ValueTask<string[]?> ReadAsync(string purpose, string? ticket, CancellationToken cancellationToken)
    {
        if (ticket is not { Length: < 4096 } || ticket.IndexOf('.') is not (> 0 and var dot)
            || !Base64Url.IsValid(ticket.AsSpan(0, dot)) || !Base64Url.IsValid(ticket.AsSpan(dot + 1)))
            return null;
        var payload = Base64Url.DecodeFromChars(ticket.AsSpan(0, dot));
        var key = await secrets.KeyAsync(Secrets.Tickets, cancellationToken);
        if (!CryptographicOperations.FixedTimeEquals(Sign(key, purpose, payload), Base64Url.DecodeFromChars(ticket.AsSpan(dot + 1))))
            return null;
        var fields = Encoding.UTF8.GetString(payload).Split(Between);
        return long.Parse(fields[0], CultureInfo.InvariantCulture) > time.GetUtcNow().ToUnixTimeSeconds() ? fields[1..] : null;
    }

    static byte[] Sign(byte[] key, string purpose, byte[] payload) =>
        HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes(purpose), 0, .. payload]);
}
