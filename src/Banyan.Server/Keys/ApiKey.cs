using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.Keys;

/// <summary>A key to the models of a server: who has it and what it allows. Only the hash of the key itself is stored.</summary>
public sealed record ApiKey
{
    /// <summary>The prefix of every key, by which a leaked one is recognized.</summary>
    public const string Prefix = "sk-banyan-";

    const int RandomBytes = 32;

    /// <summary>Whose it is, or what for: 1 to 64 letters, digits, '.', '-', '_', '@'.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the key, in hexadecimal digits. It is random, so that no slower hash is needed.</summary>
    public required string Hash { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>Requests in a minute; null for any number.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens of prompts and answers in a minute; null for any number.</summary>
    public long? TokensPerMinute { get; init; }

    /// <summary>Tokens of prompts and answers in a day of UTC; null for any number.</summary>
    public long? TokensPerDay { get; init; }

    /// <summary>Requests that are answered at the same time; null for any number.</summary>
    public int? Concurrency { get; init; }

    /// <summary>A new key's text: it is shown once.</summary>
    public static string NewText() => Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>The hash by which a key is found.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Whether a name can be a key's.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 64
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '@');

    /// <summary>Everything that is wrong with it.</summary>
    internal IEnumerable<string> Problems()
    {
        if (!IsName(Name))
            yield return $"'{(Name.Length > 80 ? Name[..80] : Name)}' is no name of a key: 1 to 64 letters, digits, '.', '-', '_' and '@'";
        if (Hash.Length != 64 || !Hash.All(char.IsAsciiHexDigit))
            yield return $"the hash of '{Name}' is no SHA-256";
        foreach (var (limit, value) in ((string, long?)[])[("requests_per_minute", RequestsPerMinute),
            ("tokens_per_minute", TokensPerMinute), ("tokens_per_day", TokensPerDay), ("concurrency", Concurrency)])
            if (value < 1)
                yield return $"{limit} of '{Name}' is {value}: at least 1";
    }
}

/// <summary>What a key was used for.</summary>
/// <param name="Requests">Requests that were let in.</param>
/// <param name="PromptTokens">Tokens of prompts, those from the prefix cache included.</param>
/// <param name="AnswerTokens">Tokens of answers.</param>
/// <param name="LastUsed">When it was used last.</param>
/// <param name="Day">The day of UTC that <paramref name="TokensOfDay"/> are of.</param>
/// <param name="TokensOfDay">Tokens of prompts and answers on that day.</param>
public sealed record KeyUsage(long Requests, long PromptTokens, long AnswerTokens, DateTimeOffset LastUsed, DateOnly Day, long TokensOfDay)
{
    /// <summary>None at all.</summary>
    public static KeyUsage None { get; } = new(0, 0, 0, default, default, 0);

    /// <summary>Both together.</summary>
    public KeyUsage Plus(KeyUsage more) => new(
        Requests + more.Requests, PromptTokens + more.PromptTokens, AnswerTokens + more.AnswerTokens,
        LastUsed > more.LastUsed ? LastUsed : more.LastUsed,
        Day > more.Day ? Day : more.Day, Day == more.Day ? TokensOfDay + more.TokensOfDay : Day > more.Day
            ? TokensOfDay : more.TokensOfDay);
}
