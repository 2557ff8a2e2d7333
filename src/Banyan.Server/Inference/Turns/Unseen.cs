using System.Text.Json.Nodes;

namespace Banyan.Server.Inference.Turns;

/// <summary>Images and files in a conversation with a model that reads text. An image from the user is refused, which is better than an
/// answer about something unseen; for a tool's result, the model is told that it cannot see it, and the work continues.</summary>
static class Unseen
{
    /// <summary>
    /// Whether what a message shows is a tool's: its result, or what some clients send as the user's right after one, since results hold
    /// text alone.
    /// </summary>
    /// <param name="role">Whose the message is.</param>
    /// <param name="before">The messages before it.</param>
    public static bool IsOfTool(string role, JsonArray before) =>
        role == "tool" || (role == "user" && before is [.., JsonObject last] && (string?)last["role"] == "tool");

    /// <summary>Its symbol.</summary>
    /// <param name="type">What the API calls it.</param>
    public static string Note(string type) => $"(content of type '{(type.Length > 40 ? type[..40] : type)}', which this model cannot read)";
}
