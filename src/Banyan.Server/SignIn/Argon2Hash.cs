using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Konscious.Security.Cryptography;

namespace Banyan.Server.SignIn;

/// <summary>
/// Argon2id (RFC 9106) as <c>$argon2id$v=19$m=…,t=…,p=…$salt$hash</c>, with OWASP's smallest recommended cost: 19 MiB, two passes.
/// </summary>
static class Argon2Hash
{
    const int MemoryKiB = 19 * 1024, Passes = 2, Lanes = 1, SaltBytes = 16, HashBytes = 32;

    public static async Task<string> MakeAsync(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var hash = await ComputeAsync(password, salt, MemoryKiB, Passes, Lanes);
        return string.Create(CultureInfo.InvariantCulture,
            $"$argon2id$v=19$m={MemoryKiB},t={Passes},p={Lanes}${Base64(salt)}${Base64(hash)}");
    }

    /// <summary>Whether a password is the one of a hash; a hash that cannot be read is of none.</summary>
    public static async Task<bool> IsOfAsync(string password, string encoded)
    {
        if (encoded.Split('$') is not ["", "argon2id", "v=19", var cost, var salt, var hash]
            || cost.Split(',').Select(c => int.Parse(c.AsSpan(2), CultureInfo.InvariantCulture))
            .ToArray() is not [var memory, var passes, var lanes])
            return false;
        var expected = Bytes(hash);
        var actual = await ComputeAsync(password, Bytes(salt), memory, passes, lanes);
        return CryptographicOperations.FixedTimeEquals(expected, actual);
    }

    static async Task<byte[]> ComputeAsync(string password, byte[] salt, int memory, int passes, int lanes)
    {
        using var argon = new Argon2id(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormC)))
        {
            Salt = salt,
            MemorySize = memory,
            Iterations = passes,
            DegreeOfParallelism = lanes
        };
        return await argon.GetBytesAsync(HashBytes);
    }

    static string Base64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    static byte[] Bytes(string text) => Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
}
