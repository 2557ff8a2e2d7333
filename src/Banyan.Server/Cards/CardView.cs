using Banyan.Server.Access;
using Banyan.Server.Gating;
using Banyan.Server.Pages;
using Banyan.Server.Reports;
using Banyan.Server.Repos;

namespace Banyan.Server.Cards;

/// <summary>A repository's first page.</summary>
public sealed record CardView
{
    public required RepoHeadView Head { get; init; }

    /// <summary>What is told of the page to those who do not read it.</summary>
    public required PageHead PageHead { get; init; }

    /// <summary>The card, sanitized; null where there is none or it may not be read.</summary>
    public string? Html { get; init; }

    /// <summary>Why the card's header could not be read completely, or null.</summary>
    public ErrorText? Problem { get; init; }

    /// <summary>Whether the files may be read; a gated repository can be seen without.</summary>
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

    /// <summary>What its owner asks of who wants access; null where the visitor has it.</summary>
    public GateForm? Gate { get; init; }

    /// <summary>What its owner says to them, as HTML.</summary>
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

    /// <summary>Whether its architecture has experts, of which a token reads some.</summary>
    public bool IsSparse => Architecture is { } name
        && s_sparse.Any(s => name.Contains(s, StringComparison.OrdinalIgnoreCase));

    static readonly string[] s_sparse = ["moe", "mixtral", "gpt-oss", "gpt_oss", "deepseek", "qwen3next", "llama4", "dbrx", "kimi"];

    /// <summary>Whether it answers with tokens, whose number a second is worth telling.</summary>
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

    /// <summary>What it was made from, and whether that is here.</summary>
    public IReadOnlyList<(string Name, bool IsHere)> Bases { get; init; } = [];

    /// <summary>How it was made from it: finetune, adapter, quantized, merge.</summary>
    public string? Relation { get; init; }

    /// <summary>What was made from it on this hub.</summary>
    public IReadOnlyList<string> Derived { get; init; } = [];

    /// <summary>Data sets it names, and whether they are here.</summary>
    public IReadOnlyList<(string Name, bool IsHere)> Datasets { get; init; } = [];
}
