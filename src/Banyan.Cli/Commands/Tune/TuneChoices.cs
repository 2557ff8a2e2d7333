using System.CommandLine;
using Banyan.Cli.Settings;
using Banyan.Training;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The arguments and options of a run, the same for every command that trains.</summary>
sealed class TuneChoices
{
    readonly Argument<string> _model, _data;
    readonly Option<string> _output, _method, _recompute, _precision, _optimizer, _tooLong;
    readonly Option<int?> _steps, _epochs, _rank, _extend, _top, _length, _batch, _evaluateEvery, _checkpointEvery, _threads;
    readonly Option<ulong> _seed;
    readonly Option<string?> _type, _baseName, _objective, _format, _heldOut, _report;
    readonly Option<double?> _alpha, _rate, _warmup, _decay, _clip, _beta2, _beta, _share, _fim, _price, _watts;
    readonly Option<string[]> _target;
    readonly Option<bool> _skipBad, _parseSpecial, _restart, _json;
    readonly TuneOptions _defaults = new();

    /// <summary>Adds the options to a command, after its own arguments.</summary>
    public TuneChoices(Command command)
    {
        _model = new Argument<string>("BASE") { Description = "A .gguf, a folder of safetensors, or a repo on the hub" };
        _data = new Argument<string>("DATA")
        {
            Description =
            "A file or a folder to learn from, or a data set on the hub: owner/name[@revision][:file]"
        };
        _output = new Option<string>("--out", "-o")
        {
            Description = "The folder of the adapter and its checkpoint",
            HelpName = "DIR",
            Required = true
        };
        command.Arguments.Add(_model);
        command.Arguments.Add(_data);
        command.Options.Add(_output);
        RunFile.Add(command);
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
            var option = new Option<string>(name)
            {
                Description = $"{description}: {string.Join(", ", values)}",
                DefaultValueFactory = _ => values[0]
            };
            option.AcceptOnlyFromAmong(values);
            return Add(option);
        }
        _steps = Count("--steps", "Steps in all");
        _epochs = Count("--epochs", $"Passes over the data, without --steps (default: {_defaults.Epochs})", 1 << 16);
        _seed = Add(new Option<ulong>("--seed")
        {
            Description = "Decides the adapter's start and the order of the data",
            DefaultValueFactory = _ => 1
        });
        _method = Choice("--method", "What is trained: an adapter, every weight (full), or every weight from random ones (scratch)", "lora",
            "rslora", "dora", "full", "scratch");
        _type = Add(
            new Option<string?>("--type")
            {
                Description =
                $"Weight formats of the model that full and scratch write: {string.Join(", ", ModelFolder.Types)} (default: the base's, F16 where these are quantized)"
            });
        _baseName =
            Add(new Option<string?>("--base-name")
            {
                Description =
                "What others know the base as, owner/name, for the model card (default: BASE)"
            });
        _objective =
            Add(new Option<string?>("--objective")
            {
                Description =
                "What is minimized: supervised, dpo, orpo (default: dpo where the data are preferences, else supervised)"
            });
        _objective.AcceptOnlyFromAmong("supervised", "dpo", "orpo");
        _rank = Count("--rank", $"Rank of the adapter (default: {_defaults.Rank})", 4096);
        _alpha = Number("--alpha", $"The adapter is scaled by α ÷ rank (default: {_defaults.Alpha})", 0.001, 1e5);
        _target =
            Add(new Option<string[]>("--target")
            {
                Description =
                "Projections to adapt: attn_q, ffn_down, … (default: all linear layers but output, routers and experts)",
                AllowMultipleArgumentsPerToken = true
            });
        _top = Count("--top-layers", "Only the last so many layers are adapted", 1 << 14);
        _extend = Count("--extend-vocabulary",
            "Learn at most so many new tokens from DATA, for a language that costs many; a whole model is written", 1 << 18);
        _rate = Number("--lr", "Highest learning rate (default: 2e-4; full 2e-5, scratch 1e-3; a tenth for preferences)", 1e-12, 10);
        _warmup =
            Number("--warmup",
                $"Share of the steps in which the rate rises (default: {FormattableString.Invariant($"{_defaults.Warmup}")})", 0, 1);
        _optimizer =
            Choice("--optimizer",
                "How gradients change weights; muon is for whole weights, with adamw for embedding, norms and biases", "adamw", "muon");
        _beta2 = Number("--beta2",
            $"Decay of Adam's mean square (default: {FormattableString.Invariant($"{_defaults.Beta2}")})", 0, 0.9999999);
        _decay = Number("--weight-decay", "Decoupled weight decay (default: 0)", 0, 10);
        _clip = Number("--clip", "The norm of the gradient is clipped to this; 0: not (default: 1)", 0, 1e6);
        _beta = Number("--beta", "β of DPO (default: 0.1)", 1e-4, 100);
        _length =
            Count("--length",
                $"Tokens of a sequence, into which samples are packed (default: {_defaults.SequenceLength}, at most the model's context)",
                1 << 20, 8);
        _batch = Count("--batch", $"Sequences a step (default: {_defaults.SequencesPerStep})", 1 << 16);
        _recompute = Choice("--recompute", "Recompute layers in the backward pass, for less memory", "auto", "on", "off");
        _precision =
            Choice("--precision",
                "What weights are multiplied in; auto: bfloat16 for the frozen base of an adapter where the processor is faster with it",
                "auto", "float32", "bfloat16");
        _format =
            Add(new Option<string?>("--format")
            {
                Description =
                $"What records look like: {string.Join(", ", Enum.GetNames<DataFormat>()).ToLowerInvariant()} (default: as the first does)"
            });
        _format.AcceptOnlyFromAmong([.. Enum.GetNames<DataFormat>().Select(n => n.ToLowerInvariant())]);
        _heldOut =
            Add(new Option<string?>("--held-out")
            {
                Description = "What is measured and not learned from (default: a part of DATA)",
                HelpName = "FILE"
            });
        _share = Number("--held-out-share", "The share of DATA that is held out (default: 0.05)", 0, 0.9);
        _fim = Number("--fim", "Of source code: the share of excerpts with a hole to fill in (default: 0)", 0, 1);
        _skipBad = Add(new Option<bool>("--skip-bad") { Description = "Leave out records that cannot be learned from" });
        _parseSpecial =
            Add(new Option<bool>("--parse-special")
            {
                Description =
                "In plain text and completions, the text of a special token is that token"
            });
        _tooLong = Choice("--too-long", "Samples longer than a sequence", "cut", "skip", "stop");
        _evaluateEvery = Count("--evaluate-every",
            $"Steps between measurements of what is held out; 0: only before and after (default: {_defaults.EvaluateEvery})", least: 0);
        _checkpointEvery = Count("--checkpoint-every",
            $"Steps between checkpoints, besides one every five minutes (default: {_defaults.CheckpointEvery})");
        _threads = Count("--threads", "Threads that compute (default: physical cores)", 1024);
        _threads.Aliases.Add("-t");
        _price = Number("--price-per-kwh",
            "What a kilowatt-hour costs: the run says what it will cost, from what the processor is measured to draw", 0, 1e6);
        _watts = Number("--watts",
            "What the machine draws while it computes, where it is not measured or more than the processor counts", 0.1, 1e6);
        _restart = Add(new Option<bool>("--restart") { Description = "Begin anew where DIR has a checkpoint" });
        _report =
            Add(new Option<string?>("--report")
            {
                Description =
                "Write a page about the run: curves, samples before and after, throughput, settings",
                HelpName = "FILE.html"
            });
        _json = Add(CommandParts.Json("Print one JSON object a step"));
    }

    /// <summary>The run that the options describe.</summary>
    /// <exception cref="CommandException">Options do not go together.</exception>
    public TuneRun Read(ParseResult arguments)
    {
        var which = arguments.GetRequiredValue(_method);
        var isWhole = which is "full" or "scratch";
        foreach (var option in new Option[] { _rank, _alpha, _target })
            if (isWhole && arguments.GetResult(option) is { Implicit: false })
                throw new CommandException($"{option.Name} is of adapters, and --method {which} trains every weight");
        var extends = arguments.GetValue(_extend) is not null;
        if (extends && which == "scratch")
            throw new CommandException(
                "--extend-vocabulary goes on with a base's tokens, and --method scratch begins from random ones: give a tokenizer that was made for the language");
        if (extends && arguments.GetValue(_top) is not null)
            throw new CommandException(
                "--top-layers trains the last layers alone, and --extend-vocabulary rows below all of them: leave one out");
        if (!isWhole && !extends && arguments.GetValue(_type) is not null)
            throw new CommandException(
                $"--type is of whole models, and --method {which} writes an adapter: banyan tune merge makes one model of base and adapter");
        if (!isWhole && arguments.GetRequiredValue(_optimizer) == "muon")
            throw new CommandException($"--optimizer muon is for whole weights, and --method {which} trains an adapter");
        var dataOptions = new DataOptions(arguments.GetRequiredValue(_data))
        {
            HeldOutPath = arguments.GetValue(_heldOut),
            HeldOutShare = arguments.GetValue(_share) ?? 0.05,
            Format = arguments.GetValue(_format) is { } name ? Enum.Parse<DataFormat>(name, ignoreCase: true) : null,
            Fim = arguments.GetValue(_fim) ?? 0,
            SkipBad = arguments.GetValue(_skipBad),
            ParseSpecial = arguments.GetValue(_parseSpecial),
            TooLong = Enum.Parse<TooLong>(arguments.GetRequiredValue(_tooLong), ignoreCase: true),
        };
        var options = _defaults with
        {
            Method = Enum.Parse<TuneMethod>(which == "rslora" ? "lora" : which, ignoreCase: true),
            RankStabilized = which == "rslora",
            Steps = arguments.GetValue(_steps),
            Epochs = arguments.GetValue(_epochs) ?? _defaults.Epochs,
            Seed = arguments.GetValue(_seed),
            Rank = arguments.GetValue(_rank) ?? _defaults.Rank,
            Alpha = (float)(arguments.GetValue(_alpha) ?? _defaults.Alpha),
            TargetModules = arguments.GetValue(_target) ?? [],
            TopLayers = arguments.GetValue(_top),
            LearningRate = arguments.GetValue(_rate),
            Warmup = arguments.GetValue(_warmup) ?? _defaults.Warmup,
            Optimizer = Enum.Parse<TuneOptimizer>(arguments.GetRequiredValue(_optimizer), ignoreCase: true),
            Beta2 = arguments.GetValue(_beta2) ?? _defaults.Beta2,
            WeightDecay = arguments.GetValue(_decay) ?? 0,
            ClipNorm = arguments.GetValue(_clip) ?? _defaults.ClipNorm,
            DpoBeta = arguments.GetValue(_beta) ?? _defaults.DpoBeta,
            SequenceLength = arguments.GetValue(_length) ?? _defaults.SequenceLength,
            SequencesPerStep = arguments.GetValue(_batch) ?? _defaults.SequencesPerStep,
            Recompute = arguments.GetRequiredValue(_recompute) switch { "on" => true, "off" => false, _ => null },
            Precision = arguments.GetRequiredValue(_precision) switch
            {
                "bfloat16" => TunePrecision.BFloat16,
                "auto" when !isWhole && TuneOptions.IsBFloat16Faster => TunePrecision.BFloat16,
                _ => TunePrecision.Float32,
            },
            EvaluateEvery = arguments.GetValue(_evaluateEvery) ?? _defaults.EvaluateEvery,
            CheckpointEvery = arguments.GetValue(_checkpointEvery) ?? _defaults.CheckpointEvery,
        };
        var objectiveName = arguments.GetValue(_objective);
        return new TuneRun
        {
            Base = arguments.GetRequiredValue(_model),
            Output = Path.GetFullPath(arguments.GetRequiredValue(_output)),
            Data = dataOptions,
            Options = options with
            {
                Objective = objectiveName is null ? TuneObjective.Supervised
                : Enum.Parse<TuneObjective>(objectiveName, ignoreCase: true)
            },
            ObjectiveByData = objectiveName is null,
            Type = arguments.GetValue(_type),
            BaseName = arguments.GetValue(_baseName),
            ExtendVocabulary = arguments.GetValue(_extend),
            Threads = arguments.GetValue(_threads),
            PricePerKwh = arguments.GetValue(_price),
            Watts = arguments.GetValue(_watts),
            Report = arguments.GetValue(_report),
            Restart = arguments.GetValue(_restart),
            Json = arguments.GetValue(_json),
        };
    }
}
