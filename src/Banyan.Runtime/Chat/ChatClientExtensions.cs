using Banyan.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>An engine as Microsoft.Extensions.AI knows chat.</summary>
public static class ChatClientExtensions
{
    /// <summary>A chat client over this engine. Disposing it leaves the engine running.</summary>
    public static IChatClient AsChatClient(this Engine engine) => new EngineChatClient(engine);
}
