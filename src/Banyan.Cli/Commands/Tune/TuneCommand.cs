using System.CommandLine;
using Banyan.Cli.Settings;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune BASE DATA --out DIR</c>: adapt a model.</summary>
static class TuneCommand
{
    const string Description = """
        Adapt a model to your own data: train an adapter (LoRA) beside it

        DATA is JSON lines of conversations, prompts and completions, preferences or texts, Parquet, plain text, or a folder of source code.
        It is checked first. A part is held out and measured before and after. Ctrl-C stops; the same command goes on.
        DIR gets the adapter for PEFT and for llama.cpp, and a model card.

        Examples:
          banyan tune coder.gguf chats.jsonl --out mine
          banyan tune Qwen/Qwen2.5-Coder-0.5B src/ --fim 0.5 --out mine --epochs 1
          banyan tune coder.gguf my-lab/chats --out mine --price-per-kwh 0.28 --watts 45
          banyan tune --config mine/tune.toml --out again
          banyan tune coder.gguf pairs.jsonl --objective dpo --out mine --steps 100 --json
          banyan run coder.gguf --adapter mine "…"
          banyan tune evaluate coder.gguf mine
          banyan tune merge coder.gguf mine coder-mine.gguf
        """;

    public static Command Create()
    {
        var command = new Command("tune", Description) { EvaluateCommand.Create(), MergeCommand.Create() };
        var model = new Argument<string>("BASE") { Description = "A .gguf, a folder of safetensors, or a repo on the hub" };
        var data = new Argument<string>("DATA") { Description = "A file or a folder to learn from, or a data set on the hub: owner/name[@revision][:file]" };
        var output = new Option<string>("--out", "-o") { Description = "The folder of the adapter and its checkpoint", HelpName = "DIR", Required = true };
        command.Arguments.Add(model);
        command.Arguments.Add(data);
        command.Options.Add(output);
        RunFile.Add(command);
        var defaults = new TuneOptions();
        T Add<T>(T option) where T : Option
        {
            command.Options.Add(option);
            return option;
        }
        Option<double?> Number(string name, string description, double least, double most)
        {
            var option = new Option<double?>(name) { Description = description };
            option.Between(least, most);
            return Add(option);
        }
        Option<int?> Count(string name, string description, int most = int.MaxValue, int least = 1)
        {
            var option = new Option<int?>(name) { Description = description };
            option.Between(least, most);
            return Add(option);
        }
        Option<string> Choice(string name, string description, params string[] values)
        {
            var option = new Option<string>(name) { Description = $"{description}: {string.Join(", ", values)}", DefaultValueFactory = _ => values[0] };
            option.AcceptOnlyFromAmong(values);
            return Add(option);
        }
        var steps = Count("--steps", "Steps in all");
        var epochs = Count("--epochs", $"Passes over the data, without --steps (default: {defaults.Epochs})", 1 << 16);
        var seed = Add(new Option<ulong>("--seed") { Description = "Decides the adapter's start and the order of the data", DefaultValueFactory = _ => 1 });
        var method = Choice("--method", "What is trained: an adapter, every weight (full), or every weight from random ones (scratch)", "lora", "rslora", "dora", "full", "scratch");
        var type = Add(new Option<string?>("--type") { Description = $"Weight formats of the model that full and scratch write: {string.Join(", ", ModelFolder.Types)} (default: the base's, F16 where these are quantized)" });
        var baseName = Add(new Option<string?>("--base-name") { Description = "What others know the base as, owner/name, for the model card (default: BASE)" });
        var objective = Add(new Option<string?>("--objective") { Description = "What is minimized: supervised, dpo, orpo (default: dpo where the data are preferences, else supervised)" });
        objective.AcceptOnlyFromAmong("supervised", "dpo", "orpo");
        var rank = Count("--rank", $"Rank of the adapter (default: {defaults.Rank})", 4096);
        var alpha = Number("--alpha", $"The adapter is scaled by α ÷ rank (default: {defaults.Alpha})", 0.001, 1e5);
        var target = Add(new Option<string[]>("--target") { Description = "Projections to adapt: attn_q, ffn_down, … (default: all linear layers but output, routers and experts)", AllowMultipleArgumentsPerToken = true });
        var top = Count("--top-layers", "Only the last so many layers are adapted", 1 << 14);
        var rate = Number("--lr", "Highest learning rate (default: 2e-4; full 2e-5, scratch 1e-3; a tenth for preferences)", 1e-12, 10);
        var warmup = Number("--warmup", $"Share of the steps in which the rate rises (default: {FormattableString.Invariant($"{defaults.Warmup}")})", 0, 1);
        var decay = Number("--weight-decay", "Decoupled weight decay (default: 0)", 0, 10);
        var clip = Number("--clip", "The norm of the gradient is clipped to this; 0: not (default: 1)", 0, 1e6);
        var beta = Number("--beta", "β of DPO (default: 0.1)", 1e-4, 100);
        var length = Count("--length", $"Tokens of a sequence, into which samples are packed (default: {defaults.SequenceLength}, at most the model's context)", 1 << 20, 8);
        var batch = Count("--batch", $"Sequences a step (default: {defaults.SequencesPerStep})", 1 << 16);
        var recompute = Choice("--recompute", "Compute layers again on the way back, for less memory", "auto", "on", "off");
        var format = Add(new Option<string?>("--format") { Description = $"What records look like: {string.Join(", ", Enum.GetNames<DataFormat>()).ToLowerInvariant()} (default: as the first does)" });
        format.AcceptOnlyFromAmong([.. Enum.GetNames<DataFormat>().Select(n => n.ToLowerInvariant())]);
        var heldOut = Add(new Option<string?>("--held-out") { Description = "What is measured and not learned from (default: a part of DATA)", HelpName = "FILE" });
        var share = Number("--held-out-share", "The share of DATA that is held out (default: 0.05)", 0, 0.9);
        var fim = Number("--fim", "Of source code: the share of excerpts with a hole to fill in (default: 0)", 0, 1);
        var skipBad = Add(new Option<bool>("--skip-bad") { Description = "Leave out records that cannot be learned from" });
        var tooLong = Choice("--too-long", "Samples longer than a sequence", "cut", "skip", "stop");
        var evaluateEvery = Count("--evaluate-every", $"Steps between measurements of what is held out; 0: only before and after (default: {defaults.EvaluateEvery})", least: 0);
        var checkpointEvery = Count("--checkpoint-every", $"Steps between checkpoints, besides one every five minutes (default: {defaults.CheckpointEvery})");
        var threads = Count("--threads", "Threads that compute (default: physical cores)", 1024);
        threads.Aliases.Add("-t");
        var price = Number("--price-per-kwh", "What a kilowatt-hour costs: the run says what it will cost, from what the processor is measured to draw", 0, 1e6);
        var watts = Number("--watts", "What the machine draws while it computes, where it is not measured or more than the processor counts", 0.1, 1e6);
        var restart = Add(new Option<bool>("--restart") { Description = "Begin anew where DIR has a checkpoint" });
        var report = Add(new Option<string?>("--report") { Description = "Write a page about the run: curves, samples before and after, throughput, settings", HelpName = "FILE.html" });
        var json = Add(new Option<bool>("--json") { Description = "Print one JSON object a step" });

        command.SetAction(arguments =>
        {
            var which = arguments.GetRequiredValue(method);
            var isWhole = which is "full" or "scratch";
            foreach (var option in new Option[] { rank, alpha, target })
                if (isWhole && arguments.GetResult(option) is { Implicit: false })
                    throw new CommandException($"{option.Name} is of adapters, and --method {which} trains every weight");
            if (!isWhole && arguments.GetValue(type) is not null)
                throw new CommandException($"--type is of whole models, and --method {which} writes an adapter: banyan tune merge makes one model of base and adapter");
            var dataOptions = new DataOptions(arguments.GetRequiredValue(data))
            {
                HeldOutPath = arguments.GetValue(heldOut),
                HeldOutShare = arguments.GetValue(share) ?? 0.05,
                Format = arguments.GetValue(format) is { } name ? Enum.Parse<DataFormat>(name, ignoreCase: true) : null,
                Fim = arguments.GetValue(fim) ?? 0,
                SkipBad = arguments.GetValue(skipBad),
                TooLong = Enum.Parse<TooLong>(arguments.GetRequiredValue(tooLong), ignoreCase: true),
            };
            var options = defaults with
            {
                Method = Enum.Parse<TuneMethod>(which == "rslora" ? "lora" : which, ignoreCase: true),
                RankStabilized = which == "rslora",
                Steps = arguments.GetValue(steps),
                Epochs = arguments.GetValue(epochs) ?? defaults.Epochs,
                Seed = arguments.GetValue(seed),
                Rank = arguments.GetValue(rank) ?? defaults.Rank,
                Alpha = (float)(arguments.GetValue(alpha) ?? defaults.Alpha),
                TargetModules = arguments.GetValue(target) ?? [],
                TopLayers = arguments.GetValue(top),
                LearningRate = arguments.GetValue(rate),
                Warmup = arguments.GetValue(warmup) ?? defaults.Warmup,
                WeightDecay = arguments.GetValue(decay) ?? 0,
                ClipNorm = arguments.GetValue(clip) ?? defaults.ClipNorm,
                DpoBeta = arguments.GetValue(beta) ?? defaults.DpoBeta,
                SequenceLength = arguments.GetValue(length) ?? defaults.SequenceLength,
                SequencesPerStep = arguments.GetValue(batch) ?? defaults.SequencesPerStep,
                Recompute = arguments.GetRequiredValue(recompute) switch { "on" => true, "off" => false, _ => null },
                EvaluateEvery = arguments.GetValue(evaluateEvery) ?? defaults.EvaluateEvery,
                CheckpointEvery = arguments.GetValue(checkpointEvery) ?? defaults.CheckpointEvery,
            };
            var objectiveName = arguments.GetValue(objective);
            return new TuneRun
            {
                Base = arguments.GetRequiredValue(model),
                Output = Path.GetFullPath(arguments.GetRequiredValue(output)),
                Data = dataOptions,
                Options = options with { Objective = objectiveName is null ? TuneObjective.Supervised : Enum.Parse<TuneObjective>(objectiveName, ignoreCase: true) },
                ObjectiveByData = objectiveName is null,
                Type = arguments.GetValue(type),
                BaseName = arguments.GetValue(baseName),
                Threads = arguments.GetValue(threads),
                PricePerKwh = arguments.GetValue(price),
                Watts = arguments.GetValue(watts),
                Report = arguments.GetValue(report),
                Restart = arguments.GetValue(restart),
                Json = arguments.GetValue(json),
            }.RunAsync();
        });
        return command;
    }
}
