using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Contamination;
using Banyan.Evaluation.Languages;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tokenizers;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>A run's output: facts and progress on standard error, the result on standard output; with --json one object per step
/// there.</summary>
sealed class TuneView(bool json) : IProgress<long>
{
    const int ShownTokens = 160; // of the sample

    readonly bool _terminal = !Console.IsErrorRedirected;
    Trainer? _trainer;
    int _began; // the step that it goes on from
    (long At, int Step) _shown;

    // Lines of a curve that moves: above it lines go by, and it is drawn anew.
    const int PlotHeight = 10, LeastWidth = 40, LeastHeight = 20;
    static readonly TimeSpan s_redraw = TimeSpan.FromSeconds(0.2);
    int _drawn;

    static void Say(FormattableString line) => Console.Error.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>Records read.</summary>
    public void Report(long value)
    {
        if (_terminal)
            Console.Error.Write($"\rreading data: {value:N0} records\e[K");
    }

    public void ShowData(Model model, PreparedData data)
    {
        if (_terminal)
            Console.Error.Write("\r\e[K");
        var r = data.Report;
        Say($"data      {r.Records:N0} records of {r.Format.ToString().ToLowerInvariant()} in {r.Files} {(r.Files == 1 ? "file" : "files")}: {r.Samples:N0} to learn from, {r.HeldOut:N0} held out");
        Say($"tokens    {r.Tokens:N0}, of which {r.TargetTokens:N0} are targets; the longest sample has {r.Longest:N0}");
        foreach (var (count, what) in new (long, string)[]
        {
            (r.Cut, "cut, as they are longer than a sequence (--length)"), (r.TooLong, "left out, as they are too long"),
            (r.Bad, "left out, as nothing can be learned from them"),
            (r.Duplicates, "the same as another"), (r.AlsoHeldOut, "left out, as they are held out too"),
            (r.NearDuplicates, "files left out, as they are mostly the same as another"),
            (r.LeftOut, "files left out, as they are generated, too large or no text"),
        })
            if (count > 0)
                Say($"          {count:N0} {what}");
        foreach (var bad in r.Problems)
            Say($"            {bad}");
        if (r.Licences.Count > 0)
            Say($"          licences: {string.Join(", ", r.Licences.Take(5))}{(r.Licences.Count > 5 ? $" and {r.Licences.Count - 5} more" : "")}");
        if (r.DefaultTemplate is not null)
            Say($"          the base has no chat template: a plain one is used");
        var sample = data.Data.Samples.Count > 0 ? data.Data.Samples[0] : data.Data.Pairs[0].Chosen;
        Say($"sample    as the model sees it, what it learns {(_terminal ? "in green" : "between ⟦ and ⟧")}:");
        Console.Error.WriteLine(Masked(model, sample));
    }

    /// <summary>The new tokens, and the tokens per language before and after (as in <c>banyan eval tokenizer</c>).</summary>
    public static void ShowVocabulary(ExtendedBase extended, Tokenizer before, Tokenizer after)
    {
        const int Most = 8;
        Say($"vocabulary {extended.Tokens:N0} new tokens behind {before.Count:N0}: {string.Join(" ", extended.Some.Select(t => $"'{Plain(t).Replace('\n', '⏎')}'"))} …");
        Say($"          the data's words are {extended.After:N0} tokens instead of {extended.Before:N0} ({100.0 * extended.After / extended.Before - 100:f1} %)");
        static IReadOnlyList<LanguageCost> Costs(Tokenizer tokenizer) =>
            LanguageCost.Measure(text => tokenizer.Encode(text, addSpecial: false, parseSpecial: false).Length);
        var changed = Costs(before).Zip(Costs(after), (a, b) => (Before: a, After: b)).Where(l => l.After.Tokens < l.Before.Tokens)
            .OrderBy(l => (double)l.After.Tokens / l.Before.Tokens).Take(Most).ToList();
        foreach (var (a, b) in changed)
            Say($"          {a.Language.Name}: {a.Tokens:N0} → {b.Tokens:N0} tokens of the same sentences ({a.Ratio:f2} → {b.Ratio:f2} × English)");
        if (changed.Count == 0)
            Say($"          none of the languages of 'banyan eval tokenizer' has fewer tokens by them");
    }

    /// <summary>Items that the result should not be evaluated on.</summary>
    public static void Warn(IReadOnlyList<ContaminationHit> hits)
    {
        const int Most = 10;
        foreach (var task in hits.GroupBy(h => h.Task))
        {
            var items = task.GroupBy(h => h.Id).Select(i => i.MaxBy(h => h.Share)!).ToList();
            Say($"warning   the data has {(items.Count == 1 ? "an item" : $"{items.Count} items")} of {task.Key}: a result in it will say nothing");
            foreach (var item in items.Take(Most))
                Say($"            {item.Id}: {item.File}:{item.Line}");
            if (items.Count > Most)
                Say($"            and {items.Count - Most} more: banyan eval contaminated names all");
        }
    }

    // Runs of targets and of what is only read, decoded.
    string Masked(Model model, Sample sample)
    {
        var text = new StringBuilder();
        // Around a target, some of what stands before it.
        var start = Math.Max(0, Array.IndexOf(sample.Targets, true) - ShownTokens / 2);
        var end = Math.Min(sample.Tokens.Length, start + ShownTokens);
        for (var i = start; i < end;)
        {
            var run = i;
            while (run < end && sample.Targets[run] == sample.Targets[i])
                run++;
            var part = model.Tokenizer.Decode(sample.Tokens[i..run]);
            text.Append(sample.Targets[i] ? _terminal ? $"\e[32m{Plain(part)}\e[0m" : $"⟦{Plain(part)}⟧" : Plain(part));
            i = run;
        }
        return "  " + $"{(start > 0 ? "… " : "")}{text}{(end < sample.Tokens.Length ? " …" : "")}".Replace("\n", "\n  ",
            StringComparison.Ordinal);
    }

    // Data commands no terminal.
    static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '�' : c));

    public void ShowPlan(Trainer trainer)
    {
        (_trainer, _began, _shown) = (trainer, trainer.Step, (0, -1));
        var p = trainer.Plan;
        Say($"training  {p.TrainableParameters:N0} parameters; {p.Steps:N0} steps over {p.Samples:N0} {(trainer.Plan.Samples == 1 ? "sample" : "samples")}");
        Say($"memory    {Sizes.Bytes(p.MemoryBytes)}: weights {Sizes.Bytes(p.WeightBytes)}, activations {Sizes.Bytes(p.ActivationBytes)}{(p.Recomputes ? " (layers are computed twice)" : "")}, trained weights and optimizer {Sizes.Bytes(p.StateBytes)}");
        if (trainer.Step > 0)
            Say($"going on  after step {trainer.Step:N0} of {p.Steps:N0}");
    }

    public void ShowProbe(ProbeResult probe, double? pricePerKwh, Power power)
    {
        Say($"time      about {Duration(probe.Remaining)} ({probe.TokensPerSecond:F0} tokens a second); Ctrl-C stops, the same command resumes");
        if (pricePerKwh is not { } price)
            return;
        if (power.Watts is not { } watts)
            Say($"cost      cannot be told: no counter of the processor's energy can be read here; say with --watts what the machine draws");
        else
            Say($"cost      {Amount(probe.Remaining.TotalHours * watts / 1000 * price)} for {Amount(probe.Remaining.TotalHours * watts / 1000)} kWh at {price}: {watts:f0} W {(power.IsMeasured ? "measured of the processor while it computed, not of the whole machine" : "as given")}");
    }

    public void ShowStep(StepResult step)
    {
        if (json)
        {
            Console.Out.WriteLine(Object(step, _trainer!).ToJsonString());
            Console.Out.Flush();
            return;
        }
        var isLast = step.Step == _trainer!.Plan.Steps;
        var line = string.Create(CultureInfo.InvariantCulture, $"step {step.Step}/{_trainer.Plan.Steps}  loss {step.Loss:f3}")
            + (step.Margin is { } margin ? string.Create(CultureInfo.InvariantCulture, $"  margin {margin:f3}") : "")
            + (step.HeldOut is { } heldOut ? string.Create(CultureInfo.InvariantCulture, $"  held out {heldOut:f3}") : "")
            + string.Create(CultureInfo.InvariantCulture, $"  {step.TokensPerSecond:F0} tokens/s")
            + (isLast || _trainer.Remaining is not { } left ? "" : $"  {Duration(left)} left") + (step.IsSaved ? "  saved" : "");
        var stays = step.HeldOut is not null || step.IsSaved;
        if (_terminal && Plot() is { Count: > 0 } plot)
        {
            if (!stays && !isLast && _drawn > 0 && Stopwatch.GetElapsedTime(_shown.At) < s_redraw)
                return;
            Console.Error.Write((_drawn > 0 ? $"\r\e[{_drawn}A\e[J" : "\r\e[J")
                + string.Concat((stays ? plot.Prepend(line) : plot).Append(stays ? "" : line).Select(l => l + "\n")));
            (_drawn, _shown) = (plot.Count + 1, (Stopwatch.GetTimestamp(), step.Step));
        }
        else if (_terminal)
            Console.Error.Write($"\r{line}\e[K{(stays ? "\n" : "")}");
        else if (stays || _shown.Step < 0 || Stopwatch.GetElapsedTime(_shown.At).TotalSeconds > 10)
        {
            Console.Error.WriteLine(line);
            _shown = (Stopwatch.GetTimestamp(), step.Step);
        }
    }

    /// <summary>The held-out losses, from before the first step.</summary>
    public static IReadOnlyList<(int Step, double Loss)> HeldOut(Trainer trainer) =>
    [
        .. trainer.HeldOutBefore is { } before ? [(0, before)] : Array.Empty<(int, double)>(),
        .. trainer.History.Where(s => s.HeldOut is not null).Select(s => (s.Step, s.HeldOut!.Value)),
    ];

    // Null where the terminal is too small, or understands no movement.
    IReadOnlyList<string>? Plot()
    {
        if (Environment.GetEnvironmentVariable("TERM") is null or "dumb")
            return null;
        try
        {
            return Console.WindowWidth < LeastWidth || Console.WindowHeight < LeastHeight ? null
                : LossPlot.Lines([.. _trainer!.History.Select(s => (s.Step, s.Loss))], HeldOut(_trainer), _trainer.Plan.Steps,
                    Math.Min(100, Console.WindowWidth - 1), PlotHeight);
        }
        catch (IOException)
        {
            return null;
        }
    }

    static JsonObject Object(StepResult step, Trainer trainer)
    {
        var o = new JsonObject
        {
            ["step"] = step.Step,
            ["steps"] = trainer.Plan.Steps,
            ["loss"] = step.Loss,
            ["learning_rate"] = step.LearningRate,
            ["gradient_norm"] = step.GradientNorm,
            ["tokens"] = step.Tokens,
            ["target_tokens"] = step.TargetTokens,
            ["tokens_per_second"] = Math.Round(step.TokensPerSecond, 1),
            ["seconds_left"] = trainer.Remaining is { } left ? Math.Round(left.TotalSeconds, 1) : null,
            ["saved"] = step.IsSaved,
        };
        if (step.Margin is { } margin)
            o["margin"] = margin;
        var isLast = step.Step == trainer.Plan.Steps;
        if (step.HeldOut is not null || isLast)
            o["held_out"] = step.HeldOut;
        if (isLast)
            o["held_out_before"] = trainer.HeldOutBefore;
        return o;
    }

    public void ShowStopped(Trainer trainer) =>
        Say($"{(_terminal ? "\r\e[K" : "")}{(trainer.Step > 0 ? $"stopped after step {trainer.Step} of {trainer.Plan.Steps}, which is saved: the same command resumes" : "stopped before the first step")}");

    public void ShowResult(Trainer trainer, WrittenFolder result, string model, string folder)
    {
        if (json)
        {
            // Steps of an earlier call: the last is told again.
            if (trainer.Step == _began)
                Console.Out.WriteLine(Object(trainer.History[^1] with { IsSaved = true }, trainer).ToJsonString());
            return;
        }
        void Out(FormattableString line) => Console.Out.WriteLine(line.ToString(CultureInfo.InvariantCulture));
        if (result.Comparison is { } c)
            Out($"held out  {c.Base:f3} before, {c.Tuned:f3} after: {c.Verdict} (95 % interval of the difference {c.Low:f3} … {c.High:f3}, {c.Texts} texts)");
        else if (trainer.HeldOut is { } after)
            Out($"held out  {trainer.HeldOutBefore:f3} before, {after:f3} after");
        Out($"written   {folder}: {string.Join(", ", result.Files)}; read back, at most {result.LargestDifference:g2} nats from the trainer");
        Out($"try it    banyan run {(result.Files.Contains("adapter_config.json") ? $"{model} --adapter {folder}" : folder)} \"…\"");
    }

    static string Amount(double value) => value < 0.001 ? "less than 0.001"
        : value.ToString(value < 100 ? "g3" : "f0", CultureInfo.InvariantCulture);

    // Within a few percent of the time itself.
    static string Duration(TimeSpan time) => FormattableString.Invariant(time switch
    {
        { TotalHours: >= 10 } => $"{time.TotalHours:f0} h",
        { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes} min",
        { TotalMinutes: >= 10 } => $"{time.TotalMinutes:f0} min",
        { TotalMinutes: >= 1 } => $"{(int)time.TotalMinutes} min {time.Seconds} s",
        _ => (FormattableString)$"{Math.Max(1, time.TotalSeconds):f0} s",
    });
}
