using Banyan.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>Offers an engine as a chat client of Microsoft.Extensions.AI.</summary>
public static class ChatClientExtensions
{
    /// <summary>A chat client over this engine. Disposing it leaves the engine running.</summary>
    /// <remarks>
    /// Tools are shown to the model by its template, and calls in an answer are parsed in the format of the model's family and left to the
    /// caller (for example to the function-invoking middleware of Microsoft.Extensions.AI). JSON as response format is enforced, with a
    /// schema or without. Reasoning is switched off by an effort of none, and left out of the answer by an output of none. Content that is
    /// not text throws <see cref="NotSupportedException"/>. No conversation is kept between calls.
    /// </remarks>
    public static IChatClient AsChatClient(this Engine engine) => new EngineChatClient(engine);
}
