using System.Text.Json;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Banyan.Signatures;

/// <summary>The text of a report that is signed, and the verification of signatures, shared by writers and readers of reports.</summary>
static class SignedText
{
    /// <summary>The algorithm as reports name it (RFC 8032).</summary>
    public const string Algorithm = "Ed25519";

    /// <summary>JSON without white space, with members in order and numbers as written.</summary>
    public static byte[] Of(JsonElement element)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
            element.WriteTo(writer);
        return bytes.ToArray();
    }

    /// <summary>
    /// Whether a signature of a message by the owner of a public key is valid, both in base64; false for a malformed key or signature.
    /// </summary>
    public static bool Verify(string publicKey, ReadOnlySpan<byte> message, string signature)
    {
        Span<byte> key = stackalloc byte[Ed25519PublicKeyParameters.KeySize];
        Span<byte> value = stackalloc byte[Ed25519PrivateKeyParameters.SignatureSize];
        if (!Convert.TryFromBase64String(publicKey, key, out var keyLength) || keyLength != key.Length
            || !Convert.TryFromBase64String(signature, value, out var length) || length != value.Length)
            return false;
        try
        {
            var signer = new Ed25519Signer();
            signer.Init(forSigning: false, new Ed25519PublicKeyParameters(key));
            signer.BlockUpdate(message);
            return signer.VerifySignature(value.ToArray());
        }
        catch (ArgumentException)
        {
            return false; // no point of the curve
        }
    }
}
