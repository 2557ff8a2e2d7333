using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.SignIn;

/// <summary>Codes of time (RFC 6238) as all authenticator programs compute them: SHA-1, six digits, a new one every 30 seconds.</summary>
static class Totp
{
    const int Digits = 6, StepSeconds = 30, SecretBytes = 20;

    const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>A new secret: as long as SHA-1's output (RFC 4226 4).</summary>
    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(SecretBytes);

    /// <summary>The number of a time's 30 seconds.</summary>
    public static long StepOf(DateTimeOffset time) => time.ToUnixTimeSeconds() / StepSeconds;

    /// <summary>The code of a step.</summary>
    public static string Code(byte[] secret, long step, int digits = Digits)
    {
        Span<byte> counter = stackalloc byte[sizeof(long)], hash = stackalloc byte[SHA1.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
#pragma warning disable CA5350 // HMAC-SHA-1 is what RFC 6238's programs compute with; its collisions do not matter here.
        HMACSHA1.HashData(secret, counter, hash);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadInt32BigEndian(hash[(hash[^1] & 15)..]) & int.MaxValue;
        return (number % (int)Math.Pow(10, digits)).ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0');
    }

    /// <summary>
    /// The step of a code, later than the last one that was taken: of now, or the one beside it, for clocks that differ; null if it is
    /// none.
    /// </summary>
    public static long? FindStep(byte[] secret, string typed, DateTimeOffset now, long last)
    {
        var code = Encoding.ASCII.GetBytes(string.Concat(typed.Take(20).Where(char.IsAsciiDigit)));
        long? found = null;
        for (var step = StepOf(now) - 1; step <= StepOf(now) + 1; step++)
            if (CryptographicOperations.FixedTimeEquals(code, Encoding.ASCII.GetBytes(Code(secret, step))) && step > last)
                found = step;
        return found;
    }

    /// <summary>Bytes as authenticators take them typed (RFC 4648 6, without padding).</summary>
    public static string ToBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var (bits, count) = (0, 0);
        foreach (var b in bytes)
        {
            (bits, count) = (bits << 8 | b, count + 8);
            for (; count >= 5; count -= 5)
                text.Append(Base32[bits >> (count - 5) & 31]);
            bits &= (1 << count) - 1;
        }
        return count == 0 ? text.ToString() : text.Append(Base32[bits << (5 - count) & 31]).ToString();
    }

    /// <summary>The URI in the QR code for an authenticator.</summary>
    public static string Uri(string hub, string user, byte[] secret) =>
        $"otpauth://totp/{System.Uri.EscapeDataString(hub)}:{System.Uri.EscapeDataString(user)}?secret={ToBase32(secret)}&issuer={System.Uri.EscapeDataString(hub)}&algorithm=SHA1&digits={Digits}&period={StepSeconds}";
}
