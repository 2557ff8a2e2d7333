using Banyan.Runtime.Models;

namespace Banyan.Training;

/// <summary>Trains a loaded model on samples.</summary>
public sealed class Trainer : IDisposable
{
    /// <param name="model">The model; loaded for the trainer alone, or used by nothing else while it runs.</param>
    /// <param name="data">What is learned, and what is held out.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Where checkpoints lie; a run that was interrupted goes on from the last one. Null: none are written.</param>
    /// <exception cref="ArgumentException">An option is out of range, or does not suit the model or the data.</exception>
    /// <exception cref="TrainingException">The folder holds a checkpoint of other options, another base or other data.</exception>
    public Trainer(Model model, TrainingData data, TuneOptions options, string? folder = null)
    {
        options.Validate();
        (Model, Data, Options, Folder) = (model, data, options, folder);
    }

    /// <summary>What the run takes.</summary>
    public TrainingPlan Plan => throw new NotImplementedException();

    /// <summary>Steps done so far, those before an interruption counted.</summary>
    public int Step => throw new NotImplementedException();

    /// <summary>How it trains.</summary>
    public TuneOptions Options { get; }

    Model Model { get; }

    TrainingData Data { get; }

    string? Folder { get; }

    /// <summary>Takes a few steps, measures them and undoes them.</summary>
    public ProbeResult Probe(int steps = 3, CancellationToken cancellation = default) => throw new NotImplementedException();

    /// <summary>
    /// Takes the steps that are left, one for each result asked for. Cancelled, it saves a checkpoint after the step at hand and ends.
    /// </summary>
    /// <exception cref="TrainingException">A loss is not a number, or a checkpoint cannot be written.</exception>
    public IEnumerable<StepResult> Run(CancellationToken cancellation = default) => throw new NotImplementedException();

    /// <summary>The mean loss of what is held out, as of now; null where nothing is.</summary>
    public double? Evaluate(CancellationToken cancellation = default) => throw new NotImplementedException();

    /// <summary>The adapter as it is now.</summary>
    /// <exception cref="InvalidOperationException">The method trains whole weights.</exception>
    public AdapterWeights Adapter() => throw new NotImplementedException();

    /// <summary>Every trained tensor as it is now.</summary>
    /// <exception cref="InvalidOperationException">The method trains an adapter.</exception>
    public IEnumerable<TrainedTensor> Tensors() => throw new NotImplementedException();

    /// <summary>Log-probabilities [vocabulary] of what follows the tokens, with what has been trained so far.</summary>
    public float[] LogProbabilities(ReadOnlySpan<int> tokens) => throw new NotImplementedException();

    /// <summary>Frees what it allocated, not the model.</summary>
    public void Dispose()
    {
    }
}
