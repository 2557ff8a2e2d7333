using System.Diagnostics;
using Banyan.Runtime.Files;
using Banyan.Training.Optimization;

namespace Banyan.Training;

/// <summary>How long a run takes: measured before it starts, and again while it runs.</summary>
public sealed unsafe partial class Trainer
{
    // Of a short run a fifth is tried at most, so that what it says is not dearer than what it spares.
    const double ProbeSeconds = 60, WarmSeconds = 3, EvaluationSeconds = 0.5, TriedShare = 0.2;
    const int LeastTried = 4, RecentSteps = 32, TriedBytes = 1 << 24, ReadBackTokens = 256;

    readonly Queue<(double Work, double Seconds)> _recent = [];
    RunCosts _costs;

    /// <summary>
    /// Trains on some sequences without keeping the result, a minute at most, and tries each other part of a run, to estimate the
    /// remaining time.
    /// </summary>
    /// <exception cref="TrainingException">The folder cannot be written.</exception>
    public ProbeResult Probe(CancellationToken cancellationToken = default)
    {
        var first = (long)Step * _options.SequencesPerStep;
        var (least, most) = (Math.Max(3L * _options.SequencesPerStep, LeastTried), (long)(TriedShare * (_sequences - first)));
        var (done, seconds) = (new List<(double Work, double Seconds)>(), 0.0);
        for (var i = 0L; first + i < _sequences && (i < least || i < most && seconds < WarmSeconds)
            && (i == 0 || seconds < ProbeSeconds); i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _items.Fill(_network.Pass, _stream[first + i]);
            done.Add((_network.Work(_network.Pass.Rows, _network.Pass.TargetCount), Seconds(() => _objective.Run(_network, 1f))));
            seconds += done[^1].Seconds;
        }
        var update = Seconds(() => _optimizer.Norm()) + Seconds(_network.Parameters.ClearGradients) + Seconds(_network.Prepare);
        _costs = new(RunCosts.PerUnit(done), ProbeEvaluation(cancellationToken),
            update + AdamW.Measure(_network.Parameters, _options, _model.Pool), ProbeWriting());
        var step = _costs.Of(new(1, MeanWork * _options.SequencesPerStep, 0, 0)).TotalSeconds;
        return new(MeanTokens * _options.SequencesPerStep / step, _costs.Of(Left));
    }

    /// <summary>
    /// The time that all remaining steps, evaluations and checkpoints and writing the result will take, as measured by the latest steps;
    /// null before the first one if there was no probe.
    /// </summary>
    public TimeSpan? Remaining => _costs.Training > 0 ? _costs.Of(Left) : null;

    double SequencesOfEpoch => Math.Max(1, _stream.End(0));

    double MeanTokens => _items.Tokens / SequencesOfEpoch;

    double MeanWork => _network.Work(_items.Tokens, _items.Targets) / SequencesOfEpoch;

    double EvaluationWork => _evaluated.Length == 0 ? 0
        : _network.Work(_evaluated.Sum(s => s.Sum(i => _heldOut.Lengths[i])),
            (double)_heldOut.Targets * _evaluated.Sum(s => s.Length) / _heldOut.Count);

    long CheckpointBytes => 3L * sizeof(float) * _network.Parameters.Size;

    WorkLeft Left
    {
        get
        {
            var (steps, training) = (Plan.Steps - Step, (_sequences - (long)Step * _options.SequencesPerStep) * MeanWork);
            var evaluations = WorkLeft.Times(Step, Plan.Steps, _options.EvaluateEvery) + (HeldOutBefore is null ? 1 : 0)
                + (!Compares ? 0 : BaseLosses is null ? 2 : 1);
            var saves = _checkpoint is null ? 0
                : Math.Max(WorkLeft.Times(Step, Plan.Steps, _options.CheckpointEvery), training * _costs.Training / SaveSeconds);
            var written = _options.WritesModel ? _model.WeightBytes : 2.0 * sizeof(float) * _network.Parameters.Size; // PEFT's and GGUF's
            return new(steps, training, evaluations * EvaluationWork + _network.Work(ReadBackTokens, ReadBackTokens),
                saves * CheckpointBytes + written);
        }
    }

    double ProbeEvaluation(CancellationToken cancellationToken) => InFloat32(() =>
    {
        var done = new List<(double Work, double Seconds)>();
        foreach (var sequence in _evaluated)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _heldOut.Fill(_network.Pass, sequence);
            done.Add((_network.Work(_network.Pass.Rows, _network.Pass.TargetCount), Seconds(() => _objective.Run(_network, null))));
            if (done.Sum(d => d.Seconds) > EvaluationSeconds)
                break;
        }
        return RunCosts.PerUnit(done);
    });

    double ProbeWriting()
    {
        if (_checkpoint is null)
            return 0;
        var path = _checkpoint + ".try";
        var bytes = new byte[Math.Min(TriedBytes, CheckpointBytes)];
        try
        {
            var seconds = Seconds(() => WholeFile.Write(path, stream => stream.Write(bytes)));
            File.Delete(path);
            return seconds / bytes.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"nothing can be saved in {Path.GetDirectoryName(_checkpoint)}: {e.Message}", e);
        }
    }

    void Refine(StepResult step)
    {
        _recent.Enqueue((_network.Work(step.Tokens, step.TargetTokens), step.Tokens / step.TokensPerSecond));
        if (_recent.Count > RecentSteps)
            _recent.Dequeue();
        _costs = _costs with { Training = _recent.Sum(s => s.Seconds) / _recent.Sum(s => s.Work), Update = 0 };
    }

    static double Seconds(Action action)
    {
        var began = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
