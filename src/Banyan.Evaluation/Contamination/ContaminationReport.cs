using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Evaluation.Contamination;

/// <summary>An item that a training set contains, wholly or in part, and where most of it is.</summary>
/// <param name="Task">The task, or tasks of the same text.</param>
/// <param name="Id">The item.</param>
/// <param name="Method">By which definition.</param>
/// <param name="Share">The largest share of the item's sequences in one place.</param>
/// <param name="File">The file of that place.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Documents">How many documents (lines of JSON lines, or other files) contain the item by this definition.</param>
public sealed record ContaminationHit(string Task, string Id, ContaminationMethod Method, double Share, string File,
    long Line, int Documents);

/// <summary>A task's count.</summary>
/// <param name="Task">The task, or tasks of the same text.</param>
/// <param name="Items">Its items.</param>
/// <param name="Found">Items found, by method.</param>
/// <param name="TooShort">Items too short to decide, by method.</param>
public sealed record TaskContamination(string Task, int Items, IReadOnlyDictionary<ContaminationMethod, int> Found,
    IReadOnlyDictionary<ContaminationMethod, int> TooShort);

/// <summary>What a scan found.</summary>
public sealed record ContaminationReport
{
    /// <summary>Files read.</summary>
    public required int Files { get; init; }

    /// <summary>Characters of text in them, decompressed.</summary>
    public required long Characters { get; init; }

    /// <summary>Seconds it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>Files that are not text, with the reason.</summary>
    public required IReadOnlyList<string> Skipped { get; init; }

    /// <summary>Each task.</summary>
    public required IReadOnlyList<TaskContamination> Tasks { get; init; }

    /// <summary>Every item found, in the order of the tasks and their items.</summary>
    public required IReadOnlyList<ContaminationHit> Hits { get; init; }

    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>The report as JSON.</summary>
    public string ToJson() => new JsonObject
    {
        ["files"] = Files,
        ["characters"] = Characters,
        ["seconds"] = Math.Round(Seconds, 3),
        ["charactersPerSecond"] = Math.Round(Characters / Math.Max(Seconds, 1e-9)),
        ["skipped"] = new JsonArray([.. Skipped.Select(s => (JsonNode)s)]),
        ["tasks"] = new JsonArray([.. Tasks.Select(t => new JsonObject
        {
            ["task"] = t.Task,
            ["items"] = t.Items,
            ["found"] = Counts(t.Found),
            ["tooShort"] = Counts(t.TooShort),
        })]),
        ["hits"] = new JsonArray([.. Hits.Select(h => new JsonObject
        {
            ["task"] = h.Task,
            ["id"] = h.Id,
            ["method"] = h.Method.Name(),
            ["share"] = Math.Round(h.Share, 4),
            ["documents"] = h.Documents,
            ["file"] = h.File,
            ["line"] = h.Line,
        })]),
    }.ToJsonString(s_indented);

    static JsonObject Counts(IReadOnlyDictionary<ContaminationMethod, int> counts) =>
        new(counts.Select(c => KeyValuePair.Create(c.Key.Name(), (JsonNode?)c.Value)));
}
