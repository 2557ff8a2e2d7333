using Banyan.Server.Access;
using Banyan.Server.Gating;
using Banyan.Server.Pages;
using Banyan.Server.Reports;
using Banyan.Server.Repos;

namespace Banyan.Server.Cards;

/// <summary>A repository's first page: the card, facts from its files and headers, and the visitor's rights and choices.</summary>
public sealed record CardView
{
    public required RepoHeadView Head { get; init; }

    /// <summary>Metadata for search engines and link previews.</summary>
    public required PageHead PageHead { get; init; }

    /// <summary>The card, sanitized; null if there is none or the visitor may not read it.</summary>
    public string? Html { get; init; }

    /// <summary>Why the card's header could not be read completely, or null.</summary>
    public ErrorText? Problem { get; init; }

    /// <summary>Whether the visitor may read the files; a gated repository is visible without.</summary>
    public bool MayRead { get; init; }

    /// <summary>Whether the visitor may change it.</summary>
    public bool MayWrite { get; init; }

    /// <summary>Whether the visitor likes it.</summary>
    public bool IsLiked { get; init; }

    /// <summary>How the visitor is notified of changes.</summary>
    public Following.Watch Watch { get; init; }

    /// <summary>The state of the visitor's request for access, or null.</summary>
    public string? Standing { get; init; }

    /// <summary>Whether there is any commit.</summary>
    public bool HasCommits { get; init; }

    /// <summary>Reports in it, and what its card claims.</summary>
    public ReportsView Results { get; init; } = new([], []);

    /// <summary>Downloads of each of the last days, today last.</summary>
    public IReadOnlyList<long> Downloads { get; init; } = [];

    public string? Task { get; init; }

    /// <summary>The form for requesting access; null if the visitor has access.</summary>
    public GateForm? Gate { get; init; }

    /// <summary>The owner's text for them, as HTML.</summary>
    public string? GatePrompt { get; init; }

    /// <summary>The tasks that a data set is for.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    public string? Library { get; init; }

    public long? Parameters { get; init; }

    /// <summary>Numbers by type, of safetensors.</summary>
    public IReadOnlyList<(string Type, long Count)> Types { get; init; } = [];

    public string? Architecture { get; init; }

    /// <summary>The file whose page shows the chat template with an example, or null.</summary>
    public string? TemplatePath { get; init; }

    /// <summary>How its chat template differs from its base's, or null.</summary>
    public TemplateChange? TemplateChange { get; init; }

    /// <summary>Ways to have its weights, the smallest first.</summary>
    public IReadOnlyList<WeightChoice> Choices { get; init; } = [];

    /// <summary>Whether its architecture has experts, of which a token reads only some.</summary>
    public bool IsSparse => Architecture is { } name
        && s_sparse.Any(s => name.Contains(s, StringComparison.OrdinalIgnoreCase));

    static readonly string[] s_sparse = ["moe", "mixtral", "gpt-oss", "gpt_oss", "deepseek", "qwen3next", "llama4", "dbrx", "kimi"];

    /// <summary>Whether it generates tokens, so that a speed is shown.</summary>
    public bool WritesText => Task is "text-generation" or "image-text-to-text" or "any-to-any" || (Task is null && Ggufs.Count > 0);

    /// <summary>The visitor's machine, or null.</summary>
    public Machine? Machine { get; init; }

    public long? ContextLength { get; init; }

    /// <summary>Bytes of the weights in safetensors, or null.</summary>
    public long? SafetensorsBytes { get; init; }

    /// <summary>GGUF files with their bytes.</summary>
    public IReadOnlyList<(string Path, long Bytes)> Ggufs { get; init; } = [];

    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>Licences, with the conditions of each.</summary>
    public IReadOnlyList<(string Id, string Means)> Licences { get; init; } = [];

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The models it was made from, and whether they are on this hub.</summary>
    public IReadOnlyList<(string Name, bool IsHere)> Bases { get; init; } = [];

    /// <summary>How it was made from it: finetune, adapter, quantized, merge.</summary>
    public string? Relation { get; init; }

    /// <summary>What was made from it on this hub.</summary>
    public IReadOnlyList<string> Derived { get; init; } = [];

    /// <summary>Data sets it names, and whether they are here.</summary>
    public IReadOnlyList<(string Name, bool IsHere)> Datasets { get; init; } = [];
}
