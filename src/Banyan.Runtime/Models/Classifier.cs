using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models;

/// <summary>A reranker's or another classifier's head on a pooled vector: <c>cls.output · activation(cls · x)</c>, as far as the file has
/// them; Qwen3's rerankers give the softmax of "yes" and "no".</summary>
internal sealed unsafe class Classifier
{
    readonly Dense? _first;
    readonly AlignedBuffer? _norm;
    readonly Dense _output;
    readonly bool _isSoftmax, _hasTanh;
    readonly float _epsilon;

    Classifier(WeightLoader loader, Config config)
    {
        if (loader.Has("cls.weight"))
            _first = new Dense(loader, "cls");
        if (loader.Has("cls.norm.weight"))
            _norm = loader.Vector("cls.norm.weight", config.EmbeddingSize);
        _output = new Dense(loader, "cls.output");
        (_hasTanh, _isSoftmax, _epsilon) = (_norm is null && !Families.Family.Find(config.Architecture)!.ScoresWithGelu,
            !config.IsEncoder, config.NormEpsilon);
    }

    /// <summary>The classifier of a file; null if it has none.</summary>
    public static Classifier? Of(WeightLoader loader, Config config) =>
        loader.Has("cls.output.weight") ? new Classifier(loader, config) : null;

    /// <summary>How many scores it gives.</summary>
    public int Labels => _output.Rows;

    /// <summary>The scores of a pooled vector.</summary>
    public float[] Scores(float[] pooled)
    {
        var x = pooled;
        if (_first is not null)
        {
            x = _first.Apply(x);
            for (var i = 0; i < x.Length; i++)
                x[i] = _hasTanh ? MathF.Tanh(x[i])
                    : x[i] / (1 + MathF.Exp(-x[i] * (GeluMultiply.Linear + GeluMultiply.Cubic * x[i] * x[i])));
        }
        if (_norm is not null)
            x = Normed(x);
        var scores = _output.Apply(x);
        if (_isSoftmax)
            fixed (float* row = scores)
                Softmax.Apply(row, scores.Length);
        return scores;
    }

    float[] Normed(float[] x)
    {
        var (mean, variance) = (x.Average(), 0.0);
        foreach (var value in x)
            variance += (value - mean) * (value - mean);
        var scale = (float)(1 / Math.Sqrt(variance / x.Length + _epsilon));
        return [.. x.Select((value, i) => (value - mean) * scale * _norm!.Floats[i])];
    }
}

/// <summary>A small matrix of floats with a bias, outside the layers.</summary>
internal sealed unsafe class Dense
{
    readonly AlignedBuffer _weight; // [rows, columns]
    readonly AlignedBuffer? _bias;  // [rows]

    public Dense(WeightLoader loader, string name)
    {
        var tensor = loader.File.GetTensor($"{name}.weight");
        (Rows, Columns) = (checked((int)tensor.Rows), checked((int)tensor.Columns));
        _weight = loader.Flat($"{name}.weight", [.. tensor.Shape]);
        _bias = loader.Has($"{name}.bias") ? loader.Vector($"{name}.bias", Rows) : null;
    }

    public int Rows { get; }

    public int Columns { get; }

    public float[] Apply(float[] x)
    {
        if (x.Length != Columns)
            throw new InvalidOperationException($"a vector of {x.Length} numbers meets a matrix of {Columns} columns");
        var y = new float[Rows];
        fixed (float* from = x)
            for (var row = 0; row < Rows; row++)
                y[row] = FloatRows.Dot(_weight.Floats + (long)row * Columns, from, Columns) + (_bias is null ? 0 : _bias.Floats[row]);
        return y;
    }
}
