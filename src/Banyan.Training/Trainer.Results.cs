using Banyan.Runtime.Adapters;
using Banyan.Training.Objectives;

namespace Banyan.Training;

/// <summary>The results of a run.</summary>
public sealed unsafe partial class Trainer
{
    /// <summary>The current adapter.</summary>
    /// <exception cref="InvalidOperationException">All weights are trained, so there is no adapter.</exception>
    public AdapterWeights Adapter() => _options.HasAdapters
        ? new(_options.Rank, _options.Alpha, _options.RankStabilized, [.. _network.Adapted.GroupBy(linear => linear.Whole).Select(parts =>
        {
            // In the order of their rows, one below the other.
            var first = parts.First();
            return new ProjectionAdapter(first.Projection.Name.Split('#')[0], parts.Sum(p => p.Projection.Rows), first.Projection.Columns,
                first.Adapter!.Value.A.Values.ToArray(), [.. parts.SelectMany(p => p.Adapter!.Value.B.Values.ToArray())])
            {
                Expert = first.Expert,
                Magnitude = first.Adapter.Value.Magnitude is null ? null
                    : [.. parts.SelectMany(p => p.Adapter!.Value.Magnitude!.Values.ToArray())],
            };
        })])
        : throw new InvalidOperationException($"Method is {_options.Method}: there is no adapter");

    /// <summary>The base's losses on the held-out texts before its vocabulary was extended, in their order; possibly of the first ones
    /// only. Null: the base is the model's weights before training.</summary>
    public IReadOnlyList<TextLoss>? BaseLosses { get; init; }

    /// <summary>Compares base and current model on the held-out texts, text by text; null if nothing is held out, and for training from
    /// scratch, which has no base.</summary>
    public HeldOutComparison? Compare()
    {
        if (!Compares)
            return null;
        var texts = new List<(double Base, double Tuned, int Tokens)>();
        foreach (var sequence in _evaluated)
        {
            _heldOut.Fill(_network.Pass, sequence);
            var with = TextLosses(isBase: false);
            if (BaseLosses is null)
                texts.AddRange(with.Zip(TextLosses(isBase: true), (a, b) => (b.Loss, a.Loss, a.Tokens)));
            else // of the same texts in other tokens: both by the base's
                texts.AddRange(with.Zip(sequence).Where(t => t.Second < BaseLosses.Count)
                    .Select(t => (BaseLosses[t.Second].Loss, t.First.Loss, BaseLosses[t.Second].Targets)));
        }
        return texts.Count == 0 ? null : HeldOutComparison.Of(texts);
    }

    bool Compares => _options.Method != TuneMethod.Scratch && !_options.HasPairs && _evaluated.Length > 0;

    /// <summary>What is trained, by name.</summary>
    internal IReadOnlyList<Parameters.Parameter> Trained => _network.Parameters.All;

    List<(double Loss, int Tokens)> TextLosses(bool isBase)
    {
        var losses = TokenLosses(isBase);
        var pass = _network.Pass;
        return [.. Enumerable.Range(0, pass.Segments.Length).Select(pass.TargetsOf)
            .Select(t => (losses[t.First..t.End].Sum(), t.End - t.First))];
    }

    /// <summary>−ln p of the targets of a text of the data, by this trainer.</summary>
    internal double[] Losses(Sample text)
    {
        _network.Pass.Clear();
        _network.Pass.Add(text, _options.SequenceLength);
        return TokenLosses(isBase: false);
    }

    double[] TokenLosses(bool isBase) => InFloat32(() =>
    {
        var pass = _network.Pass;
        pass.IsBase = isBase;
        _network.Forward();
        _network.Losses(CrossEntropy.Instance);
        pass.IsBase = false;
        return _network.Head.Losses[..pass.TargetCount].ToArray();
    });

    // What is measured is measured in float32, whatever the run trains in: as others who read the result will compute.
    T InFloat32<T>(Func<T> measure)
    {
        var (pass, before) = (_network.Pass, _network.Pass.UsesBFloat16);
        pass.UsesBFloat16 = false;
        try
        {
            return measure();
        }
        finally
        {
            pass.UsesBFloat16 = before;
        }
    }
}
