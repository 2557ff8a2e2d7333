using System.Text.Json.Serialization;

namespace Banyan.Server.Inference.Status;

/// <summary>Answer of <c>/health</c>.</summary>
sealed record Health(string Status)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Model { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Progress { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Message { get; init; }
}

/// <summary>OpenAI's list of models.</summary>
sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

/// <summary>
/// OpenAI's model object; <c>meta</c> is what llama-server adds, for models that are loaded, <c>root</c> what vLLM does: the model that
/// answers to another name.
/// </summary>
sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Root { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ModelMeta? Meta { get; init; }
}

sealed record ModelMeta(string Architecture, int NCtx, int NVocab, long Size, bool Chat, bool FillInTheMiddle);

/// <summary>Answer of <c>/status</c>: what the process is doing. Memory in bytes.</summary>
sealed record ServerStatus(string Version, long MemoryBytes, int Threads, IReadOnlyList<ModelStatus> Models);

/// <param name="State">"unloaded", "loading", "ready" or "failed".</param>
/// <param name="Pending">Generations that requests are waiting for.</param>
/// <param name="Running">Generations the engine computes.</param>
/// <param name="Waiting">Generations the engine keeps waiting.</param>
sealed record ModelStatus(string Name, string State, double Progress, int Pending, int Running, int Waiting);
