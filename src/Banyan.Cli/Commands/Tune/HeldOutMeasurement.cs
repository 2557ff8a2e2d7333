using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Cli.Hubs;
using Banyan.Evaluation.Statistics;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Models;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>Base and tuned model on the same held-out texts; for pairs, which of the two answers each finds likelier.</summary>
/// <param name="Losses">The losses per target; for pairs, of the chosen answers.</param>
/// <param name="Preferred">For pairs: how often the chosen answer is the likelier one.</param>
sealed record HeldOutMeasurement(HeldOutComparison Losses, PairedComparison? Preferred)
{
    /// <summary>Measures; null if the held-out data are unknown.</summary>
    public static async Task<HeldOutMeasurement?> RunAsync(string model, TunedModel tuned, string? heldOut, int most, int? threads,
        CancellationToken cancellationToken)
    {
        // Records that were named are all measured: as data, with nothing held out of them.
        var wrote = TuneFile.ReadData(tuned.Folder);
        var options = heldOut is not null ? new DataOptions(heldOut) { MaxTokens = wrote?.MaxTokens ?? 1024, HeldOutShare = 0 } : wrote;
        if (options is null)
            return null;
        options = options with { Path = (await DataPull.FindAsync(options.Path, cancellationToken)).Path };
        if (options.HeldOutPath is { } other)
            options = options with { HeldOutPath = (await DataPull.FindAsync(other, cancellationToken)).Path };
        using var loaded = Load(model, threads);
        options = options with { MaxTokens = Math.Min(options.MaxTokens, loaded.Config.ContextLength) };
        var folder = Directory.CreateTempSubdirectory("banyan-held-out-");
        try
        {
            using var data = Preparation.Run(loaded, options, folder.FullName, null, cancellationToken);
            var all = data.Data;
            IReadOnlyList<PreferencePair> pairs = [.. (heldOut is null ? all.HeldOutPairs : all.Pairs).Take(most)];
            IReadOnlyList<Sample> texts = pairs.Count > 0 ? [.. pairs.Select(p => p.Chosen), .. pairs.Select(p => p.Rejected)]
                : [.. (heldOut is null ? all.HeldOut : all.Samples).Take(most)];
            if (texts.Count == 0)
                return null;
            var before = TextLoss.Of(loaded, texts, null, new Shown("base", texts.Count), cancellationToken);
            IReadOnlyList<TextLoss> after;
            if (tuned.IsAdapter)
                after = TextLoss.Of(loaded, texts, loaded.AddAdapter("tuned", AdapterWeights.Read(tuned.Path, loaded.Config)),
                    new Shown("tuned", texts.Count), cancellationToken);
            else
            {
                using var second = Load(tuned.Path, threads);
                // A vocabulary that was extended reads the same texts in other tokens; both losses count by the base's.
                var own = second.Tokenizer.Count == loaded.Tokenizer.Count ? texts
                    : VocabularyExtension.Encode(new() { Samples = texts }, loaded.Tokenizer, second.Tokenizer).Samples;
                after = TextLoss.Of(second, own, null, new Shown("tuned", texts.Count), cancellationToken);
            }
            after = [.. after.Zip(before, (a, b) => a with { Targets = b.Targets })];
            return pairs.Count == 0 ? new(HeldOutComparison.Of(before, after), null)
                : new(HeldOutComparison.Of([.. before.Take(pairs.Count)], [.. after.Take(pairs.Count)]),
                    Prefer(before, after, pairs.Count));
        }
        catch (DataException e)
        {
            throw new CommandException(e.Message.ReplaceLineEndings(" "));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static Model Load(string path, int? threads)
    {
        using var bar = new Progress.LoadingBar(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        return Model.Load(path,
            new ModelOptions
            {
                Threads = threads ?? new ModelOptions().Threads,
                Activations = ActivationFormat.Float,
                KvCache = KvFormat.F32
            }, bar);
    }

    static PairedComparison Prefer(IReadOnlyList<TextLoss> before, IReadOnlyList<TextLoss> after, int pairs)
    {
        bool[] Chosen(IReadOnlyList<TextLoss> losses) =>
            [.. Enumerable.Range(0, pairs).Select(i => losses[i].Loss < losses[pairs + i].Loss)];
        return PairedComparison.Of(Chosen(after), Chosen(before),
            [.. Enumerable.Range(0, pairs).Select(i => i.ToString(CultureInfo.InvariantCulture))]);
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["base"] = Losses.Base,
            ["tuned"] = Losses.Tuned,
            ["interval"] = new JsonArray(Number(Losses.Low), Number(Losses.High)),
            ["texts"] = Losses.Texts,
            ["targets"] = Losses.Tokens,
            ["verdict"] = Losses.Verdict,
            ["more_texts_needed"] = Losses.MoreTextsNeeded,
        };
        if (Preferred is { } p)
            json["preferred"] = new JsonObject
            {
                ["pairs"] = p.Items,
                ["base"] = p.B,
                ["tuned"] = p.A,
                ["verdict"] = VerdictNames.Of(p.Verdict),
                ["p"] = p.PValue
            };
        return json;
    }

    static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    public override string ToString()
    {
        var verdict = Losses.Verdict + (Losses.MoreTextsNeeded is { } more ? $", {more:N0} more texts needed" : "");
        var text = string.Create(CultureInfo.InvariantCulture,
            $"held out  {Losses.Base:f3} base, {Losses.Tuned:f3} tuned, nats a target: {verdict} (95 % interval of the difference {Losses.Low:f3} … {Losses.High:f3}, {Losses.Texts} texts)");
        return Preferred is not { } p ? text : text + string.Create(CultureInfo.InvariantCulture,
            $"\npreferred {100 * p.B:f1} % base, {100 * p.A:f1} % tuned of {p.Items} pairs find the chosen answer likelier: {VerdictNames.Of(p.Verdict)}");
    }

    /// <summary>A line on a terminal.</summary>
    sealed class Shown(string what, int all) : IProgress<int>
    {
        public void Report(int value)
        {
            if (!Console.IsErrorRedirected)
                Console.Error.Write(value == all ? "\r\e[K" : $"\rheld out, {what}: {value}/{all}\e[K");
        }
    }
}
