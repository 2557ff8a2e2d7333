using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Training.Data;

/// <summary>Tokenized data on disk, ready for training.</summary>
public sealed class PreparedData : IDisposable
{
    readonly TokenFile _train, _heldOut;

    internal PreparedData(string folder, DataReport report, ChatTemplate template)
    {
        (Report, Template) = (report, template);
        _train = new(folder, TokenFile.TrainName);
        _heldOut = new(folder, TokenFile.HeldOutName);
    }

    /// <summary>What the data contained.</summary>
    public DataReport Report { get; }

    /// <summary>The template of conversations.</summary>
    public ChatTemplate Template { get; }

    /// <summary>The input of a trainer.</summary>
    public TrainingData Data => Report.Format == DataFormat.Preference
        ? new() { Pairs = _train, HeldOutPairs = _heldOut }
        : new() { Samples = _train, HeldOut = _heldOut };

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        _train.Dispose();
        _heldOut.Dispose();
    }
}
