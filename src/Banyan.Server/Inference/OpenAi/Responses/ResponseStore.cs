using System.Text.Json.Nodes;

namespace Banyan.Server.Inference.OpenAi.Responses;

/// <summary>Conversations that a later request can go on with, the last ones within a bound: they are lost when the server ends.</summary>
sealed class ResponseStore
{
    const int Most = 256;
    const long MostCharacters = 32 << 20;

    readonly Lock _lock = new();
    readonly LinkedList<(string Id, string Messages)> _kept = [];
    long _characters;

    public void Keep(string id, JsonArray messages)
    {
        var text = messages.ToJsonString();
        if (text.Length > MostCharacters / 4)
            return;
        lock (_lock)
        {
            _kept.AddLast((id, text));
            _characters += text.Length;
            while (_kept.Count > Most || _characters > MostCharacters)
            {
                _characters -= _kept.First!.Value.Messages.Length;
                _kept.RemoveFirst();
            }
        }
    }

    /// <summary>The messages up to and with that response; null if it is not kept.</summary>
    public JsonArray? Find(string id)
    {
        string? text = null;
        lock (_lock)
            for (var node = _kept.Last; node is not null && text is null; node = node.Previous)
                text = node.Value.Id == id ? node.Value.Messages : null;
        return text is null ? null : JsonNode.Parse(text)!.AsArray();
    }
}
