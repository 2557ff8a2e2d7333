using System.Globalization;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Training.Results;

namespace Banyan.Training;

/// <summary>A model card with facts only: what was trained on what, how, and with what result.</summary>
internal static class ModelCard
{
    public static string Of(Trainer trainer, CardFacts facts, IReadOnlyList<string> files, double difference, HeldOutComparison? comparison)
    {
        var (options, plan, history) = (trainer.Options, trainer.Plan, trainer.History);
        using var file = ModelFile.Open(trainer.Model.Path);
        var lineage = Lineage.Of(facts.BaseName, file);
        var (licence, isScratch) = (lineage.Licence, options.Method == TuneMethod.Scratch);
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"---");
        if (lineage.Repo is { } repo && !isScratch)
        {
            Line($"base_model: {Quoted(repo)}");
            Line($"base_model_relation: {(options.WritesModel ? "finetune" : "adapter")}");
        }
        if (facts.DataRepo is { } data)
            Line($"datasets:\n  - {Quoted(data)}");
        if (!options.WritesModel || file.Kind == ModelFileKind.Safetensors)
            Line($"library_name: {(options.WritesModel ? "transformers" : "peft")}");
        Line($"pipeline_tag: text-generation");
        if (licence.Length > 0 && !isScratch)
            Line($"license: {Quoted(licence)}");
        Line($"tags:");
        if (!options.WritesModel)
            Line($"  - lora");
        Line($"  - banyan");
        Line($"---");
        Line($"");
        var what = !options.WritesModel ? "An adapter of" : isScratch ? "A model of the shape and vocabulary of" : "A fine-tune of";
        Line($"# {what} {Inline(facts.BaseName)}");
        Line($"");
        Line($"Trained by Banyan. Every line is a fact of the run; what it is good for is for its maker to say.");
        Line($"");
        Line($"| | |");
        Line($"|---|---|");
        Line($"| Base | {Inline(facts.BaseName)}{(facts.Revision is null ? "" : $", revision {facts.Revision}")}, `{trainer.Model.Config.Architecture}` |");
        Line($"| Licence of the base | {(licence.Length > 0 ? Inline(licence) : "not stated in its file")} |");
        Line($"| Data | {Inline(facts.Data)}: {plan.Samples:N0} {(options.HasPairs ? "pairs" : "samples")}, {plan.Tokens:N0} tokens, {plan.TargetTokens:N0} of them targets |");
        if (options.HasAdapters)
        {
            Line($"| Method | {(options.Method == TuneMethod.Dora ? "DoRA" : "LoRA")}{(options.RankStabilized ? ", rank-stabilized" : "")}, rank {options.Rank}, α {options.Alpha}: {plan.TrainableParameters:N0} parameters |");
            Line($"| Adapted | {string.Join(", ", trainer.Adapter().Projections.Select(p => $"`{Module(p.Tensor)}`").Distinct())} |");
        }
        else
            Line($"| Method | {(isScratch ? "from random weights" : "every weight")}: {plan.TrainableParameters:N0} parameters{(options.TopLayers is { } top ? $" of the last {top} layers" : "")} |");
        if (options.NewTokens > 0)
            Line($"| Vocabulary | {options.NewTokens} tokens behind the base's, learned from the data; their rows of embedding and output are trained, and the adapter is merged |");
        Line($"| Objective | {ObjectiveName(options.Objective)} |");
        if (facts.Teacher is { } teacher)
            Line($"| Teacher | {Inline(teacher)}, its distribution of every target |");
        Line($"| Steps | {history.Count} of {plan.Steps}, each of {options.SequencesPerStep} sequences of {options.SequenceLength} tokens |");
        if (options.Precision != TunePrecision.Float32)
            Line($"| Precision | frozen weights multiplied in BF16, everything else in float32; the losses below are in float32 |");
        Line($"| Optimizer | {(options.Optimizer == TuneOptimizer.Muon ? "Muon, AdamW for embedding, norms and biases" : "AdamW")}, β {options.Beta1} and {options.Beta2}, decay {options.WeightDecay}, highest rate {options.HighestRate:g4}, warm-up {options.Warmup:p0}, cosine, norm clipped to {options.ClipNorm} |");
        Line($"| Seed | {options.Seed} |");
        Line($"");
        Line($"## Held out");
        Line($"");
        if (comparison is { } c)
        {
            Line($"Loss in nats a target token, of {c.Texts} texts with {c.Tokens} targets that were not learned from:");
            Line($"");
            Line($"| base | tuned | difference | 95 % interval | verdict |");
            Line($"|---|---|---|---|---|");
            Line($"| {c.Base:f4} | {c.Tuned:f4} | {c.Tuned - c.Base:f4} | {c.Low:f4} … {c.High:f4} | {c.Verdict} |");
        }
        else if (trainer.HeldOut is { } after)
            Line($"Loss before: {trainer.HeldOutBefore:f4}; after: {after:f4}.");
        else
            Line($"Nothing was held out.");
        Line($"");
        Line($"## Curve");
        Line($"");
        Line($"| step | loss | held out |");
        Line($"|---|---|---|");
        foreach (var step in Points(history))
            Line($"| {step.Step} | {step.Loss:f4} | {step.HeldOut:f4} |");
        Line($"");
        Line($"## Files");
        Line($"");
        var list = string.Join(", ", files.Select(f => $"`{f}`"));
        if (options.WritesModel)
            Line($"{list}. Read back, the model's likelihoods of a text differ by at most {difference:g2} nats a token from the trainer's.");
        else if (files.Contains(AdapterFolder.GgufName))
            Line($"{list}. PEFT loads the folder, llama.cpp the GGUF file.\nBoth were read back: their numbers are those that were trained, and a text's likelihoods differ by at most {difference:g2} nats a token from the trainer's.");
        else
            Line($"{list}. PEFT loads the folder; GGUF has no place for magnitudes (DoRA).\nThey were read back: their numbers are those that were trained, and a text's likelihoods differ by at most {difference:g2} nats a token from the trainer's.");
        return text.ToString();
    }

    // The first, the last, those that were evaluated, and some between.
    static IEnumerable<StepResult> Points(IReadOnlyList<StepResult> history) =>
        history.Where((s, i) => i == 0 || i == history.Count - 1 || s.HeldOut is not null || i % Math.Max(1, history.Count / 10) == 0);

    static string Module(string tensor) => Blocks.GradientBuilder.Module(tensor);

    static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text);

    static string ObjectiveName(TuneObjective objective) => objective switch
    {
        TuneObjective.Dpo => "DPO, of pairs",
        TuneObjective.Orpo => "ORPO, of pairs",
        TuneObjective.Distill => "distillation",
        _ => "cross-entropy of the targets",
    };

    static string Inline(string text) =>
        $"`{text.ReplaceLineEndings(" ").Replace("`", "'", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal)}`";
}
