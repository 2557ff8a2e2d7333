using System.Text;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Training.Results;

namespace Banyan.Training;

/// <summary>A trained adapter as a folder: PEFT's two files, a GGUF file if the format can hold it, and a model card.</summary>
public static class AdapterFolder
{
    /// <summary>The GGUF file's name.</summary>
    public const string GgufName = "adapter.gguf";

    const double Tolerance = 0.01;

    /// <summary>Says before training which part of an adapter could not be written; null if everything can.</summary>
    public static string? Problem(Trainer trainer) => trainer.Options.WritesModel ? null
        : trainer.Adapter().Projections.FirstOrDefault(p => p.Expert is not null) is { } expert
        ? $"adapters of single experts cannot be written ({expert.Tensor}): leave it out of TargetModules" : null;

    /// <summary>Writes the folder, each file atomically; reads the adapters back and compares.</summary>
    /// <param name="folder">The folder, which exists.</param>
    /// <param name="trainer">What was trained.</param>
    /// <param name="facts">Facts for the model card.</param>
    /// <exception cref="TrainingException">What was read back differs from what was trained.</exception>
    public static WrittenFolder Write(string folder, Trainer trainer, CardFacts facts)
    {
        if (trainer.Options.WritesModel)
            throw new TrainingException("what was trained is more than an adapter: ModelFolder writes it");
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
        var difference = ReadBack.Difference(trainer, model, AdapterWeights.Read(folder, model.Config));
        if (!(difference <= Tolerance))
            throw new TrainingException(
                FormattableString.Invariant(
                    $"the adapter in {folder} gives other likelihoods than the trainer, by up to {difference:g3} nats: it is not to be trusted"));
        var comparison = trainer.Compare();
        WholeFile.Write(Path.Combine(folder, "README.md"), stream =>
            stream.Write(Encoding.UTF8.GetBytes(ModelCard.Of(trainer, facts, files, difference, comparison))));
        return new([.. files, "README.md"], difference, comparison);
    }

    static void Same(AdapterWeights written, AdapterWeights read, string where)
    {
        var byName = read.Projections.ToDictionary(p => p.Tensor);
        if (byName.Count != written.Projections.Count || Math.Abs(read.Scale - written.Scale) > 1e-6f * written.Scale)
            throw new TrainingException(
                $"{where} was read back with {byName.Count} projections and scale {read.Scale}, and {written.Projections.Count} with scale {written.Scale} were written: is the disk sound?");
        foreach (var p in written.Projections)
            if (!byName.TryGetValue(p.Tensor, out var other) || !Equal(p.A, other.A) || !Equal(p.B, other.B)
                || !Equal(p.Magnitude, other.Magnitude))
                throw new TrainingException($"{where}: {p.Tensor} was read back other than it was written: is the disk sound?");
    }

    static bool Equal(float[]? a, float[]? b) => a is null ? b is null : b is not null && a.AsSpan().SequenceEqual(b);
}
