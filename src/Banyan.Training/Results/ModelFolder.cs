using System.Text;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.WeightFormats;
using Banyan.Training.Parameters;
using Banyan.Training.Results;

namespace Banyan.Training;

/// <summary>
/// A model whose weights were trained, or merged with its adapter, as a folder: of a GGUF base <c>model.gguf</c>, of a folder of
/// safetensors the same files as the base's; and a model card of facts.
/// </summary>
public static class ModelFolder
{
    /// <summary>The GGUF file's name.</summary>
    public const string GgufName = "model.gguf";

    const double ExactTolerance = 0.01, HalfTolerance = 0.2; // nats; of quantized weights nothing is promised

    /// <summary>The weight formats that a GGUF base can be written in; safetensors support the first three.</summary>
    public static IReadOnlyList<string> Types => ModelRewriter.Types;

    /// <summary>Says before training which weights could not be written; null if all can.</summary>
    /// <param name="trainer">What trains.</param>
    /// <param name="type">The weight formats; null for the base's, or F16 if those are quantized.</param>
    public static unsafe string? Problem(Trainer trainer, string? type = null)
    {
        using var file = ModelFile.Open(trainer.Model.Path);
        try
        {
            _ = new ModelRewriter(file, (_, _) => null, type);
        }
        catch (ArgumentException e)
        {
            return e.Message;
        }
        foreach (var parameter in trainer.Trained)
            if (!file.TryGetTensor(TensorOf(parameter.Name), out var tensor)
                || !IsAdapters(parameter) && tensor.Columns != parameter.Columns)
                return $"{parameter.Name} has no place in {file.Path} that it could be written to";
        return null;
    }

    /// <summary>Writes the folder, each file atomically; reads the model back and compares.</summary>
    /// <param name="folder">The folder, which exists and is not the base's.</param>
    /// <param name="trainer">What was trained.</param>
    /// <param name="facts">Facts for the model card.</param>
    /// <param name="type">The weight formats; null for the base's, or F16 if those are quantized.</param>
    /// <exception cref="TrainingException">What was read back differs from what was trained.</exception>
    public static WrittenFolder Write(string folder, Trainer trainer, CardFacts facts, string? type = null)
    {
        string written;
        List<string> files;
        using (var file = ModelFile.Open(trainer.Model.Path))
        {
            // What it was read as stays, but for quantized weights: what was trained is finer.
            var isQuantized = file.Tensors.Any(t => t.Format.BlockWeights > 1);
            type ??= isQuantized ? WeightFormat.F16.Name : null;
            var rewriter = new ModelRewriter(file, ChangeOf(file, trainer), type);
            written = rewriter.IsGguf ? Path.Combine(folder, GgufName) : folder;
            if (Path.GetFullPath(file.Path) == Path.GetFullPath(written)
                || !rewriter.IsGguf && Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) == file.Folder)
                throw new TrainingException($"{written} is the base: name another folder");
            if (rewriter.IsGguf)
                rewriter.WriteGguf(written);
            else
                rewriter.WriteFolder(folder);
            files = rewriter.IsGguf ? [GgufName] : [.. file.Files.Select(f => Path.GetFileName(f)), "config.json"];
        }
        var (difference, isExact, isPlain) = Difference(trainer, written);
        if (isPlain && !(difference <= (isExact ? ExactTolerance : HalfTolerance)))
            throw new TrainingException(
                FormattableString.Invariant(
                    $"the model in {folder} gives other likelihoods than the trainer, by up to {difference:g3} nats: it is not to be trusted"));
        var comparison = trainer.Compare();
        WholeFile.Write(Path.Combine(folder, "README.md"), stream =>
            stream.Write(Encoding.UTF8.GetBytes(ModelCard.Of(trainer, facts, files, difference, comparison))));
        return new([.. files, "README.md"], difference, comparison);
    }

    static (double Difference, bool IsExact, bool IsPlain) Difference(Trainer trainer, string written)
    {
        using var model = Model.Load(written, trainer.Model.Options);
        using var file = ModelFile.Open(written);
        return (ReadBack.Difference(trainer, model), file.Tensors.All(t => t.Format == WeightFormat.F32),
            file.Tensors.All(t => t.Format.BlockWeights == 1));
    }

    const string AdapterPart = ".lora_";

    /// <summary>
    /// The file's tensor of a trained one: without the number of an expert, the first row of a part, or which part of an adapter it is.
    /// </summary>
    static string TensorOf(string name)
    {
        var end = name.IndexOfAny(['[', '#']);
        return end >= 0 ? name[..end] : name.IndexOf(AdapterPart, StringComparison.Ordinal) is var adapter and >= 0
            ? name[..adapter] : name;
    }

    static bool IsAdapters(Parameter parameter) => parameter.Name.Contains(AdapterPart, StringComparison.Ordinal);

    // The trained rows of each tensor: it is one parameter, or one for each expert, or parts one below the other.
    static Func<string, int?, RowChange?> ChangeOf(ModelFile file, Trainer trainer)
    {
        var byTensor = trainer.Trained.Where(p => !IsAdapters(p)).ToLookup(p => TensorOf(p.Name));
        var adapter = trainer.Options.HasAdapters ? trainer.Adapter() : null;
        var adapted = adapter?.Projections.ToLookup(p => p.Tensor);
        return (name, expert) =>
        {
            if (adapter is not null && AdapterMerge.ChangeOf(adapted!, adapter.Scale, name, expert) is { } change)
                return change;
            // A tied output that the file has all the same.
            if (name == "output.weight" && !file.TryGetTensor(name, out _))
                name = "token_embd.weight";
            List<(long First, Parameter Parameter)> parts =
                [.. byTensor[name].Where(p => expert is null || p.Name.EndsWith($"[{expert}]", StringComparison.Ordinal))
                    .Select(p => (expert is null ? FirstRow(p) : 0, p))];
            return parts.Count == 0 ? null : (row, values) =>
            {
                foreach (var (first, parameter) in parts)
                    if (row >= first && row < first + parameter.Rows)
                        Copy(parameter, row - first, values);
            };
        };
    }

    static long FirstRow(Parameter parameter)
    {
        var name = parameter.Name;
        var number = name.IndexOfAny(['[', '#']) is var at and >= 0
            ? long.Parse(name[(at + 1)..].TrimEnd(']'), System.Globalization.CultureInfo.InvariantCulture) : 0;
        return name.EndsWith(']') ? number * parameter.Rows : number;
    }

    static unsafe void Copy(Parameter parameter, long row, Span<float> values) =>
        new ReadOnlySpan<float>(parameter.Value + row * parameter.Columns, parameter.Columns).CopyTo(values);
}
