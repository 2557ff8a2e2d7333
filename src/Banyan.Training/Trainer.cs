using System.Diagnostics;
using Banyan.Runtime.Models;
using Banyan.Training.Checkpoints;
using Banyan.Training.Objectives;
using Banyan.Training.Optimization;
using Banyan.Training.Packing;
using Banyan.Training.Passes;

namespace Banyan.Training;

/// <summary>
/// Trains a model, or an adapter beside it:
/// <code>
/// using var model = Model.Load("base.gguf");
/// using var data = Preparation.Run(model, new DataOptions("data.jsonl"), "out/data");
/// using var trainer = new Trainer(model, data.Data, new TuneOptions { Steps = 100 }, "out");
/// trainer.Stepped += step => Console.WriteLine($"{step.Step}: {step.Loss:f3}");
/// trainer.Run();
/// PeftAdapter.Write("out", trainer.Adapter(), model.Config, model.Path);
/// </code>
/// A step, whose result does not depend on the number of threads:
/// <code>
/// 1. forward and backward pass of each of its sequences; gradients of the mean over the step's targets are summed
/// 2. their norm, clipped
/// 3. AdamW or Muon with the step's learning rate
/// 4. at intervals: the held-out loss, and a checkpoint
/// </code>
/// With a folder it resumes from its last checkpoint, with the same result. The model must not generate meanwhile.
/// </summary>
public sealed unsafe partial class Trainer : IDisposable
{
    /// <summary>The checkpoint's name in its folder.</summary>
    public const string CheckpointName = "checkpoint.bin";

    const double SaveSeconds = 300;

    readonly Model _model;
    readonly TuneOptions _options;
    readonly Network _network;
    readonly AdamW _optimizer;
    readonly Objective _objective;
    readonly Items _items, _heldOut;
    readonly SequenceStream _stream;
    readonly int[][] _evaluated;
    readonly long _sequences; // of the whole run
    readonly string? _checkpoint;
    readonly string _baseFingerprint;
    readonly List<StepResult> _history = [];
    int _saved = -1;
    long _savedAt = Stopwatch.GetTimestamp();

    /// <summary>Prepares a run, or resumes it from its checkpoint.</summary>
    /// <param name="model">The base. Its weights are not changed.</param>
    /// <param name="data">The training data.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">The checkpoint's folder; null for no checkpoints.</param>
    /// <param name="teacher">Of <see cref="TuneObjective.Distill"/>: the teacher, with the same vocabulary.</param>
    /// <exception cref="ArgumentException">An option is out of range, or does not fit the model or the data.</exception>
    /// <exception cref="TrainingException">The folder has the checkpoint of another run or a damaged one; or there is not enough
    /// memory.</exception>
    public Trainer(Model model, TrainingData data, TuneOptions options, string? folder = null, Model? teacher = null)
    {
        options.Validate();
        options = options with { SequenceLength = Math.Min(options.SequenceLength, model.Config.ContextLength) };
        (_model, _options, _objective) = (model, options, Objective.Of(options, teacher));
        CheckKind(data, options);
        CheckTeacher(model, options, teacher);
        var vocabulary = model.Config.VocabularySize;
        _items = new(data.Samples, data.Pairs, options.SequenceLength, vocabulary);
        _heldOut = new(data.HeldOut, data.HeldOutPairs, options.SequenceLength, vocabulary);
        if (_items.Count == 0)
            throw new ArgumentException("no sample has a target within its first " + options.SequenceLength
                + " tokens: there is nothing to learn");
        var capacity = options.SequenceLength * _objective.TextsPerItem;
        _stream = new(_items.Lengths, capacity, options.Seed);
        _evaluated = [.. SequenceStream.InOrder(_heldOut.Lengths, capacity).Take(options.EvaluateSequences)];
        _sequences = options.Steps is { } steps ? (long)steps * options.SequencesPerStep : _stream.End(options.Epochs - 1);
        _network = new Network(model, options, capacity);
        Plan = MakePlan();
        _network.Allocate(Plan.Recomputes);
        _optimizer = new(_network.Parameters, options, model.Pool);
        _baseFingerprint = BaseFingerprint.Of(model) + (teacher is null ? "" : $" {BaseFingerprint.Of(teacher)}");
        if (folder is null)
            return;
        Directory.CreateDirectory(folder);
        _checkpoint = Path.Combine(folder, CheckpointName);
        if (Checkpoint.ReadHeader(_checkpoint) is { } checkpoint)
            GoOn(checkpoint);
    }

    /// <summary>Raised after each step, on the thread that called <see cref="Run"/>.</summary>
    public event Action<StepResult>? Stepped;

    /// <summary>The cost of the run.</summary>
    public TrainingPlan Plan { get; }

    /// <summary>Steps done.</summary>
    public int Step => _history.Count;

    /// <summary>The result of each step; for steps before the checkpoint it resumed from, without their speed.</summary>
    public IReadOnlyList<StepResult> History => _history;

    /// <summary>The held-out loss before the first step; null if nothing is held out, or before the run.</summary>
    public double? HeldOutBefore { get; private set; }

    /// <summary>The latest held-out loss.</summary>
    public double? HeldOut => _history.LastOrDefault(s => s.HeldOut is not null)?.HeldOut ?? HeldOutBefore;

    /// <summary>Held-out target tokens that are evaluated.</summary>
    public int HeldOutTokens { get; private set; }

    /// <summary>
    /// Runs all remaining steps. If cancelled, it saves the last complete step and returns false; the current step is discarded.
    /// </summary>
    /// <exception cref="TrainingException">A loss is not finite, or a checkpoint cannot be written: the last checkpoint is
    /// kept.</exception>
    public bool Run(CancellationToken cancellationToken = default)
    {
        if (Step == 0 && (HeldOutBefore ??= Evaluate(cancellationToken)) is null && cancellationToken.IsCancellationRequested)
            return false;
        while (Step < Plan.Steps)
        {
            if (cancellationToken.IsCancellationRequested || Take(cancellationToken) is not { } result)
            {
                Save();
                return false;
            }
            var isLast = result.Step == Plan.Steps;
            if (isLast || _options.EvaluateEvery > 0 && result.Step % _options.EvaluateEvery == 0)
                result = result with { HeldOut = Evaluate(CancellationToken.None) };
            _history.Add(result);
            Refine(result);
            if (isLast || _options.CheckpointEvery > 0
                && (result.Step % _options.CheckpointEvery == 0 || Stopwatch.GetElapsedTime(_savedAt).TotalSeconds > SaveSeconds))
                Save();
            Stepped?.Invoke(result with { IsSaved = _saved == result.Step });
        }
        return true;
    }

    /// <summary>A text for checking results: held out if there is one, otherwise from the training data.</summary>
    internal Sample ProbeText => (_heldOut.Count > 0 ? _heldOut : _items).First;

    internal Model Model => _model;

    /// <summary>The options in effect: as given, with sequences no longer than the model's context.</summary>
    public TuneOptions Options => _options;

    // :: 1-3; null: cancelled.
    StepResult? Take(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        var first = (long)Step * _options.SequencesPerStep;
        int[][] sequences =
            [.. Enumerable.Range(0, (int)Math.Min(_options.SequencesPerStep, _sequences - first)).Select(i => _stream[first + i])];
        var (tokens, targets, items) = (0, 0, 0);
        foreach (var sequence in sequences)
        {
            _items.Fill(_network.Pass, sequence);
            (tokens, targets, items) = (tokens + _network.Pass.Rows, targets + _network.Pass.TargetCount, items + sequence.Length);
        }
        var count = _objective.Count(items, targets);
        var (sum, margins) = (0.0, 0.0);
        _network.Parameters.ClearGradients();
        foreach (var sequence in sequences)
        {
            if (cancellationToken.IsCancellationRequested)
                return null;
            _items.Fill(_network.Pass, sequence);
            var (loss, margin) = _objective.Run(_network, 1f / count);
            if (!double.IsFinite(loss))
                throw NotFinite($"the loss is {loss} in {Named(sequence)}");
            (sum, margins) = (sum + loss, margins + margin);
        }
        var norm = _optimizer.Norm();
        if (!double.IsFinite(norm))
            throw NotFinite($"the gradient's norm is {norm}, of {Named([.. sequences.SelectMany(s => s)])}");
        var rate = LearningRate.At(Step, Plan.Steps, _options);
        _optimizer.Step(Step + 1, rate, _options.ClipNorm > 0 && norm > _options.ClipNorm ? _options.ClipNorm / norm : 1);
        _network.Prepare();
        return new(Step + 1, sum / count, rate, norm, tokens, targets, tokens / Stopwatch.GetElapsedTime(began).TotalSeconds)
        {
            Margin = _options.HasPairs ? margins / count : null,
        };
    }

    static string Named(int[] items) =>
        $"{(items.Length == 1 ? "sample" : "samples")} {string.Join(", ", items.Order().Take(8).Select(i => i + 1))}{(items.Length > 8 ? $" and {items.Length - 8} more" : "")}";

    TrainingException NotFinite(string what) => new($"step {Step + 1}: {what}. It was not taken; "
        + (_saved > 0 ? $"step {_saved} is saved. " : "nothing is saved. ")
        + FormattableString.Invariant(
            $"A lower learning rate (it is {_options.HighestRate:g3}) or a longer warm-up often helps; else look at these samples"));

    double? Evaluate(CancellationToken cancellationToken) => InFloat32<double?>(() =>
    {
        var (sum, count, tokens, began) = (0.0, 0L, 0, Stopwatch.GetTimestamp());
        foreach (var sequence in _evaluated)
        {
            if (cancellationToken.IsCancellationRequested)
                return null;
            _heldOut.Fill(_network.Pass, sequence);
            sum += _objective.Run(_network, null).Loss;
            count += _objective.Count(sequence.Length, _network.Pass.TargetCount);
            tokens += _network.Pass.TargetCount;
        }
        HeldOutTokens = tokens;
        if (count > 0)
            _costs = _costs with { Evaluation = Stopwatch.GetElapsedTime(began).TotalSeconds / EvaluationWork };
        return count == 0 ? null : sum / count;
    });

    void Save()
    {
        if (_checkpoint is null || _saved == Step || Step == 0)
            return;
        var history = _history.Select(s => s with { TokensPerSecond = 0 }).ToList();
        var began = Stopwatch.GetTimestamp();
        try
        {
            new Checkpoint(Step, Lasting, Fingerprint, _baseFingerprint, HeldOutBefore, history).Write(_checkpoint, Numbers());
            (_saved, _savedAt) = (Step, Stopwatch.GetTimestamp());
            _costs = _costs with { Byte = Stopwatch.GetElapsedTime(began, _savedAt).TotalSeconds / CheckpointBytes };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException(
                $"step {Step} cannot be saved: {e.Message.TrimEnd('.')}. {(_saved > 0 ? $"Step {_saved} is, whole; make" : "Make")} room and run the same again", e);
        }
    }

    // Without what changes when and how something is done, and nothing of the result; a default said is a default left unsaid.
    TuneOptions Lasting => _options with { CheckpointEvery = 0, Recompute = null, LearningRate = _options.HighestRate };

    string Fingerprint => $"{_items.Fingerprint} {_heldOut.Fingerprint}";

    void GoOn(Checkpoint checkpoint)
    {
        if (Differences.Between(checkpoint.Options, Lasting) is { } differs)
            throw new TrainingException(
                $"{_checkpoint} is of a run with other options: {differs}. Use the same, another folder, or remove it to begin anew");
        if (checkpoint.Data != Fingerprint)
            throw new TrainingException(
                $"{_checkpoint} is of a run on other data, or the data has changed since. Use the same, another folder, or remove it to begin anew");
        if (checkpoint.Base != _baseFingerprint)
            throw new TrainingException(
                $"{_checkpoint} is of a run on another base or with another teacher, or {_model.Path} has changed since. Use the same, another folder, or remove it to begin anew");
        Checkpoint.ReadNumbers(_checkpoint!, Numbers());
        _network.Prepare();
        _history.AddRange(checkpoint.History);
        (HeldOutBefore, _saved) = (checkpoint.HeldOutBefore, checkpoint.Step);
    }

    Checkpoint.Numbers[] Numbers() =>
    [
        new(_network.Parameters.Values, _network.Parameters.Size),
        new(_optimizer.State.Mean.Floats, _network.Parameters.Size),
        new(_optimizer.State.Square.Floats, _network.Parameters.Size),
    ];

    TrainingPlan MakePlan()
    {
        var parameters = _network.Parameters;
        if (parameters.Count == 0)
            throw new ArgumentException(
                $"nothing is trained: no projection of the model is called {string.Join(" or ", _options.TargetModules)}");
        var state = parameters.Size * sizeof(float) * (2 + AdamW.StateSize)
            + (_options.Optimizer == TuneOptimizer.Muon ? Muon.Bytes(parameters.All) : 0);
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var recomputes = _options.Recompute ?? _model.WeightBytes + state + _network.ActivationBytes(recompute: false) > memory * 0.7;
        var activations = _network.ActivationBytes(recomputes);
        var total = _model.WeightBytes + state + activations;
        if (total > memory)
            throw new TrainingException(
                $"{total >> 20:N0} MiB of memory are needed, and there are {memory >> 20:N0}: shorter sequences, fewer layers (TopLayers) or a smaller base need less");
        return new(parameters.Count, total, _model.WeightBytes, activations, state, recomputes,
            checked((int)((_sequences + _options.SequencesPerStep - 1) / _options.SequencesPerStep)),
            _items.Count, _items.Tokens, _items.Targets, _items.Truncated, _items.WithoutTargets);
    }

    static void CheckKind(TrainingData data, TuneOptions options)
    {
        if (options.HasPairs && data.Pairs.Count == 0)
            throw new ArgumentException(
                $"Objective is {options.Objective}, and the data has no pairs: each record has to have 'chosen' and 'rejected'");
        if (!options.HasPairs && data.Samples.Count == 0 && data.Pairs.Count > 0)
            throw new ArgumentException($"the data are pairs, and Objective is {options.Objective}: it has to be Dpo or Orpo");
    }

    static void CheckTeacher(Model model, TuneOptions options, Model? teacher)
    {
        if (options.Objective != TuneObjective.Distill)
        {
            if (teacher is not null)
                throw new ArgumentException($"there is a teacher, and Objective is {options.Objective}: it has to be Distill");
            return;
        }
        // Padding beyond the tokenizer's tokens may differ; a token has to be the same everywhere.
        const string Probe = "The quick brown fox: żółw, बरगद, 榕树; for (int i = 0; i < 10; i++)\n\treturn x;";
        if (teacher is not null
            && (teacher.Tokenizer.Count != model.Tokenizer.Count
                || !teacher.Tokenizer.Encode(Probe).AsSpan().SequenceEqual(model.Tokenizer.Encode(Probe))
            || teacher.Config.VocabularySize > model.Config.VocabularySize && teacher.Tokenizer.Count > model.Config.VocabularySize))
            throw new ArgumentException(
                $"the teacher's vocabulary ({teacher.Tokenizer.Count} tokens) is not the base's ({model.Tokenizer.Count}): its distributions say nothing of the base's tokens; let it teach by text");
    }

    /// <summary>Frees its memory, but not the model.</summary>
    public void Dispose()
    {
        _optimizer.Dispose();
        _network.Dispose();
    }
}
