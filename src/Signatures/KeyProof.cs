using System.Text;

namespace Banyan.Signatures;

/// <summary>The message that a signing key's holder signs to prove to a hub whose key it is, shared by the tool that signs and the hub that
/// verifies. It names hub and user, so that a signature for one hub or user is useless for another, and no report begins like it.</summary>
static class KeyProof
{
    /// <summary>The message for a challenge.</summary>
    /// <param name="hub">The hub's address: scheme, host and port, as the user reaches it.</param>
    /// <param name="user">The user who will own the key.</param>
    /// <param name="challenge">The hub's challenge.</param>
    public static byte[] Of(string hub, string user, string challenge) =>
        Encoding.UTF8.GetBytes($"banyan signing key\n{hub.TrimEnd('/')}\n{user}\n{challenge}");
}
