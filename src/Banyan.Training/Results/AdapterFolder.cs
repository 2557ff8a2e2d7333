using System.Text;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Training;

/// <summary>What the model card says that the trainer does not know.</summary>
/// <param name="BaseName">The base's name or path, as others are to find it.</param>
/// <param name="Data">What it was trained on.</param>
public sealed record AdapterFacts(string BaseName, string Data)
{
    /// <summary>The base's revision.</summary>
    public string? Revision { get; init; }
}

/// <summary>What was written, and how far what was read back is from the trainer.</summary>
/// <param name="Files">Their names.</param>
/// <param name="LargestDifference">
/// Of −ln p of the tokens of a text, between the runtime with the adapter that was read back and the trainer, in nats.
/// </param>
/// <param name="Comparison">What is held out, by base and adapter.</param>
public sealed record AdapterResult(IReadOnlyList<string> Files, double LargestDifference, HeldOutComparison? Comparison);

/// <summary>A trained adapter as a folder: PEFT's two files, GGUF beside them where it can hold it, and a model card of facts.</summary>
public static class AdapterFolder
{
    /// <summary>The GGUF file's name.</summary>
    public const string GgufName = "adapter.gguf";

    const double Tolerance = 0.01;

    /// <summary>Says what of a trainer's adapter could not be written, before it is trained; null where all can.</summary>
    public static string? Problem(Trainer trainer) => !trainer.Options.HasAdapters ? null
        : trainer.Adapter().Projections.FirstOrDefault(p => p.Expert is not null) is { } expert
        ? $"adapters of single experts cannot be written ({expert.Tensor}): leave it out of TargetModules" : null;

    /// <summary>Writes the folder, each file whole or not at all; reads the adapters back and compares.</summary>
    /// <param name="folder">Where to; it exists.</param>
    /// <param name="trainer">What was trained.</param>
    /// <param name="facts">For the card.</param>
    /// <exception cref="TrainingException">What was read back is not what was trained.</exception>
    public static AdapterResult Write(string folder, Trainer trainer, AdapterFacts facts)
    {
        var (adapter, model) = (trainer.Adapter(), trainer.Model);
        PeftAdapter.Write(folder, adapter, model.Config, facts.BaseName, facts.Revision);
        Same(adapter, PeftAdapter.Read(folder, model.Config), folder);
        List<string> files = [PeftAdapter.ConfigName, "adapter_model.safetensors"];
        var gguf = Path.Combine(folder, GgufName);
        if (adapter.IsDora)
            File.Delete(gguf); // of a run before this one
        else
        {
            GgufAdapter.Write(gguf, adapter, model.Config.Architecture);
            Same(adapter, GgufAdapter.Read(gguf, model.Config), gguf);
            files.Add(GgufName);
        }
        var difference = Difference(trainer, AdapterWeights.Read(folder, model.Config));
        if (!(difference <= Tolerance))
            throw new TrainingException(FormattableString.Invariant($"the adapter in {folder} gives other likelihoods than the trainer, by up to {difference:g3} nats: it is not to be trusted"));
        var comparison = trainer.Compare();
        WholeFile.Write(Path.Combine(folder, "README.md"), stream =>
            stream.Write(Encoding.UTF8.GetBytes(ModelCard.Of(trainer, facts, files, difference, comparison))));
        return new([.. files, "README.md"], difference, comparison);
    }

    static void Same(AdapterWeights written, AdapterWeights read, string where)
    {
        var byName = read.Projections.ToDictionary(p => p.Tensor);
        if (byName.Count != written.Projections.Count || Math.Abs(read.Scale - written.Scale) > 1e-6f * written.Scale)
            throw new TrainingException($"{where} was read back with {byName.Count} projections and scale {read.Scale}, and {written.Projections.Count} with scale {written.Scale} were written: is the disk sound?");
        foreach (var p in written.Projections)
            if (!byName.TryGetValue(p.Tensor, out var other) || !Equal(p.A, other.A) || !Equal(p.B, other.B) || !Equal(p.Magnitude, other.Magnitude))
                throw new TrainingException($"{where}: {p.Tensor} was read back other than it was written: is the disk sound?");
    }

    static bool Equal(float[]? a, float[]? b) => a is null ? b is null : b is not null && a.AsSpan().SequenceEqual(b);

    // The runtime, with the adapter from the disk, on a text.
    static double Difference(Trainer trainer, AdapterWeights read)
    {
        const int Most = 256;
        var (model, text) = (trainer.Model, trainer.ProbeText);
        text = new(text.Tokens[..Math.Min(Most, text.Tokens.Length)], [.. Enumerable.Repeat(true, Math.Min(Most, text.Tokens.Length))]);
        var expected = trainer.Losses(text);
        var count = expected.Length + 1;
        using var cache = new KvCache(model, count + 64);
        var batch = new Batch(count);
        using var forward = new Forward(model, cache, count, count);
        var sequence = new Sequence(cache, count, model.AddAdapter("written", read));
        if (!sequence.TryReserve(count))
            throw new InvalidOperationException("The cache was made for this sequence.");
        batch.Add(sequence, text.Tokens.AsSpan(0, count), logits: count);
        forward.Run(batch);
        return Enumerable.Range(0, expected.Length).Max(i =>
        {
            var logits = forward.Result(i);
            return Math.Abs(Distribution.LogSumExp(logits) - logits[text.Tokens[i + 1]] - expected[i]);
        });
    }
}
