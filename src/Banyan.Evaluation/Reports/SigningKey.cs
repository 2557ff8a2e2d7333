using System.Security.Cryptography;
using Banyan.Signatures;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Banyan.Evaluation.Reports;

/// <summary>
/// An Ed25519 key (RFC 8032) that signs reports. The file contains the 32 bytes of its seed in base64, readable only by its owner.
/// </summary>
public sealed class SigningKey
{
    readonly Ed25519PrivateKeyParameters _private;

    SigningKey(byte[] seed) => _private = new(seed);

    /// <summary><c>$XDG_CONFIG_HOME/banyan/signing-key</c>, or the same under <c>~/.config</c>.</summary>
    public static string DefaultFile => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } config ? config
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"), "banyan", "signing-key");

    /// <summary>The public key in base64, which identifies the signer.</summary>
    public string PublicKey => Convert.ToBase64String(_private.GeneratePublicKey().GetEncoded());

    /// <summary>
    /// Reads a key, or creates one if there is no file. Throws <see cref="EvaluationException"/> if the file is not a key.
    /// </summary>
    public static SigningKey OpenOrCreate(string file)
    {
        try
        {
            if (!File.Exists(file))
                Create(file);
            var seed = Convert.FromBase64String(File.ReadAllText(file).Trim());
            return seed.Length == Ed25519PrivateKeyParameters.KeySize ? new(seed) : throw new FormatException($"{seed.Length} bytes");
        }
        catch (FormatException)
        {
            throw new EvaluationException($"{file} is no signing key (32 bytes in base64 are expected)");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"the signing key {file} cannot be read or made: {SystemProblem.Of(e)}");
        }
    }

    /// <summary>A temporary key.</summary>
    public static SigningKey Generate() => new(RandomNumberGenerator.GetBytes(Ed25519PrivateKeyParameters.KeySize));

    /// <summary>The signature of a message.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        var signer = new Ed25519Signer();
        signer.Init(forSigning: true, _private);
        signer.BlockUpdate(message);
        return signer.GenerateSignature();
    }

    /// <summary>The signature, in base64, that proves to a hub that this key is a user's.</summary>
    /// <param name="hub">The hub's address, as the user reaches it.</param>
    /// <param name="user">The user's name there.</param>
    /// <param name="challenge">The hub's challenge.</param>
    public string Prove(string hub, string user, string challenge) => Convert.ToBase64String(Sign(KeyProof.Of(hub, user, challenge)));

    /// <summary>Whether a signature of a message by the owner of a public key is valid; false for a malformed key or signature.</summary>
    public static bool Verify(string publicKey, ReadOnlySpan<byte> message, string signature) =>
        SignedText.Verify(publicKey, message, signature);

    static void Create(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(file, options);
        writer.WriteLine(Convert.ToBase64String(RandomNumberGenerator.GetBytes(Ed25519PrivateKeyParameters.KeySize)));
    }
}
