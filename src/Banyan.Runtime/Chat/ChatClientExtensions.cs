using Banyan.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>An engine as Microsoft.Extensions.AI knows chat.</summary>
public static class ChatClientExtensions
{
    /// <summary>A chat client over this engine. Disposing it leaves the engine running.</summary>
    /// <remarks>
    /// Tools are shown to the model by its template; calls in an answer come as text and are not carried out. Content that is not text and
    /// JSON as response format throw <see cref="NotSupportedException"/>. No conversation is kept between calls.
    /// </remarks>
    public static IChatClient AsChatClient(this Engine engine) => new EngineChatClient(engine);
}
