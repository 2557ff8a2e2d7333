using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Cards;
using Banyan.Server.Hub;

namespace Banyan.Server.Listing;

/// <summary>What the database keeps of a repository for lists.</summary>
sealed record Listed
{
    public byte[]? CommitOid { get; init; }

    /// <summary>JSON: <see cref="Short"/>.</summary>
    public string? Facts { get; init; }

    /// <summary>JSON: <see cref="Long"/>; null if it was not asked for.</summary>
    public string? Details { get; init; }

    /// <summary>How many numbers its weights have.</summary>
    public long? Parameters { get; init; }

    /// <summary>What the list is sorted by, where that is a number.</summary>
    public long SortKey { get; init; }

    /// <summary>The whole name in lower case: what the list is sorted by otherwise.</summary>
    public string? NameKey { get; init; }

    sealed record Short(IReadOnlyList<string> Tags, string? PipelineTag, string? Library)
    {
        public IReadOnlyList<WeightChoice> Choices { get; init; } = [];
    }

    sealed record Long(JsonObject? Card, JsonObject? Config, JsonObject? Safetensors, JsonObject? Gguf);

    /// <summary>The two texts of facts.</summary>
    public static (string Facts, string Details) Write(Facts facts) => (
        JsonSerializer.Serialize(new Short(facts.Tags, facts.PipelineTag, facts.Library) { Choices = facts.Choices }, HubJson.Options),
        JsonSerializer.Serialize(new Long(facts.Card, facts.Config, facts.Safetensors, facts.Gguf), HubJson.Options));

    /// <summary>Reads <see cref="Write"/>.</summary>
    public Facts Read()
    {
        if (Facts is null)
            return new Facts();
        var known = JsonSerializer.Deserialize<Short>(Facts, HubJson.Options)!;
        var more = Details is null ? null : JsonSerializer.Deserialize<Long>(Details, HubJson.Options);
        return new Facts
        {
            Tags = known.Tags,
            PipelineTag = known.PipelineTag,
            Library = known.Library,
            Choices = known.Choices,
            Card = more?.Card,
            Config = more?.Config,
            Safetensors = more?.Safetensors,
            Gguf = more?.Gguf,
        };
    }
}
