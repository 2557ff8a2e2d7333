using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Server.Hub;

namespace Banyan.Server.Auditing;

/// <summary>One change, or one access that was refused.</summary>
public sealed record AuditEntry
{
    internal const int HashBytes = 32;

    /// <summary>Its place in the chain, from 1; null until it is chained.</summary>
    public long? Place { get; init; }

    /// <summary>Row.</summary>
    public long Id { get; init; }

    /// <summary>When; Unix milliseconds.</summary>
    public long At { get; init; }

    /// <summary>The user's row; null if it is not a user.</summary>
    public long? ActorId { get; init; }

    /// <summary>Who, by name; null in entries from before names were recorded.</summary>
    public string? Actor { get; init; }

    /// <summary>What was done, for example <c>repo.create</c>.</summary>
    public string Action { get; init; } = "";

    /// <summary>To what.</summary>
    public string Target { get; init; } = "";

    /// <summary>Details, or null.</summary>
    public string? Detail { get; init; }

    /// <summary>SHA-256 of this entry and the hash of the one before.</summary>
    public byte[]? Hash { get; init; }

    /// <summary>As the API and the command line write it.</summary>
    public JsonObject Json() => new JsonObject { ["place"] = Place, ["id"] = Id, ["at"] = HubJson.Time(At) }
        .With("actorId", ActorId).With("actor", Actor).With("action", Action).With("target", Target).With("detail", Detail)
        .With("hash", Hash is null ? null : Convert.ToHexStringLower(Hash));

    /// <summary>
    /// The hash of this entry at a place after another: SHA-256 of that one's hash, place, row, time and actor's row (-1 for none) as
    /// little-endian 64-bit numbers, then actor, action, target and detail, each as UTF-8 after its length in 32 bits (-1 for null).
    /// </summary>
    /// <param name="before">Hash of the entry before; zeros before the first.</param>
    /// <param name="place">The place.</param>
    public byte[] HashBehind(ReadOnlySpan<byte> before, long place)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[4 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(numbers, place);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], Id);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[16..], At);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[24..], ActorId ?? -1);
        hash.AppendData(before);
        hash.AppendData(numbers);
        foreach (var text in (ReadOnlySpan<string?>)[Actor, Action, Target, Detail])
        {
            var bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32LittleEndian(numbers, text is null ? -1 : bytes.Length);
            hash.AppendData(numbers[..sizeof(int)]);
            hash.AppendData(bytes);
        }
        return hash.GetHashAndReset();
    }
}

/// <summary>Which entries are requested; null means any.</summary>
public sealed record AuditFilter
{
    /// <summary>Name of who did it.</summary>
    public string? Actor { get; init; }

    /// <summary>What it begins with: <c>repo</c> or <c>repo.create</c>.</summary>
    public string? Action { get; init; }

    /// <summary>What it begins with.</summary>
    public string? Target { get; init; }

    /// <summary>Not before; Unix milliseconds.</summary>
    public long? Since { get; init; }

    /// <summary>Before; Unix milliseconds.</summary>
    public long? Until { get; init; }
}
