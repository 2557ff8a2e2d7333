using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models;

/// <summary>A model whose answers are in a transcript: the same run again, without the model, its machine or its price.</summary>
public sealed class RecordedModel : EvaluatedModel
{
    static readonly HashSet<PromptKind> s_kinds = [PromptKind.Chat, PromptKind.Completion, PromptKind.Infill];

    readonly Dictionary<TranscriptKey, TranscriptEntry> _entries;
    readonly string _file;

    readonly string? _origin;

    RecordedModel(string file, string name, string? origin, Dictionary<TranscriptKey, TranscriptEntry> entries) =>
        (_file, Name, _origin, _entries) = (file, name, origin, entries);

    /// <inheritdoc/>
    public override Task<string?> OriginAsync(CancellationToken cancellationToken) => Task.FromResult(_origin);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool TakesPrefill => true;

    /// <inheritdoc/>
    public override int Parallel => 8;

    /// <summary>The forms of prompts that were answered, by task.</summary>
    public string? FormOf(string task) => _entries.Values.FirstOrDefault(e => e.Task == task)?.Prompt;

    /// <summary>How the answers were drawn; several if the transcript has several.</summary>
    public IReadOnlyList<SamplingSettings> Samplings => [.. _entries.Values.Select(e => e.Sampling).Distinct()];

    /// <summary>Opens a transcript. Throws <see cref="EvaluationException"/> where it has several models and none is named.</summary>
    /// <param name="file">The file.</param>
    /// <param name="model">Which of its models, or <c>NAME at ORIGIN</c> if one name was requested at several places; null for the only
    /// one.</param>
    public static RecordedModel Open(string file, string? model)
    {
        static string Place(TranscriptEntry entry) =>
            entry.Origin is { } origin ? $"{entry.RequestedModel} at {origin}" : entry.RequestedModel;
        var entries = Transcript.Read(file)
            .Where(e => model is null || e.RequestedModel == model || e.ReturnedModel == model || Place(e) == model).ToList();
        var names = entries.Select(e => e.RequestedModel).Distinct().ToList();
        if (names.Count == 1)
            names = entries.Select(Place).Distinct().ToList() is { Count: > 1 } places ? places : names;
        if (names.Count != 1)
            throw new EvaluationException(names.Count == 0
                ? $"{file} has no answers{(model is null ? "" : $" of '{model}'")}"
                : $"{file} has answers of several models: name one, as recorded:{file}#{names[0]} (there are {string.Join(", ", names)})");
        var byKey = new Dictionary<TranscriptKey, TranscriptEntry>();
        foreach (var entry in entries)
            byKey.TryAdd(entry.Key, entry);
        return new(file, names[0], entries[0].Origin, byKey);
    }

    /// <inheritdoc/>
    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<PromptKind>>(s_kinds);

    /// <inheritdoc/>
    public override Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        if (!_entries.TryGetValue(new(Name, prompt.Hash, sampling, sample) { Origin = _origin }, out var entry))
            throw new ModelException(
                $"{_file} has no answer of '{Name}' to a prompt of this run under these settings: run it with the options that it was recorded with");
        return Task.FromResult(new ModelAnswer(entry.Answer, entry.ReturnedModel)
        {
            Fingerprint = entry.Fingerprint,
            Finish = entry.Finish,
            NotAccepted = entry.NotAccepted ?? [],
            PromptTokens = entry.PromptTokens,
            AnswerTokens = entry.AnswerTokens,
            Seconds = entry.Seconds,
            Joules = entry.Joules,
            EnergyOf = entry.EnergyOf,
            PeakMemoryBytes = entry.PeakMemoryBytes,
            At = entry.At,
            Cost = entry.Cost,
        });
    }
}
