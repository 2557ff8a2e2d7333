using System.Text;

namespace Banyan.Signatures;

/// <summary>
/// What the holder of a signing key signs to show a hub whose it is: for the tool that signs and the hub that checks. It names hub and
/// user, so that a signature given to one hub, or for one user, is worth nothing to another; and no report begins like it.
/// </summary>
static class KeyProof
{
    /// <summary>The message for a challenge.</summary>
    /// <param name="hub">The hub's address: scheme, host and port, as the user reaches it.</param>
    /// <param name="user">The user whose key it is to be.</param>
    /// <param name="challenge">What the hub asks to be signed.</param>
    public static byte[] Of(string hub, string user, string challenge) =>
        Encoding.UTF8.GetBytes($"banyan signing key\n{hub.TrimEnd('/')}\n{user}\n{challenge}");
}
