using Banyan.Runtime.Models.Projections;

namespace Banyan.Training.Parameters;

/// <summary>First values of parameters.</summary>
internal static unsafe class Start
{
    const double Deviation = 0.02; // GPT-2's, and most models' since

    /// <summary>Kaiming-uniform with a = √5, as PEFT initializes A: between ±1/√columns.</summary>
    public static void Kaiming(Parameter a, ulong seed)
    {
        var random = new RandomNumbers(seed, a.Name);
        var bound = 1 / Math.Sqrt(a.Columns);
        foreach (ref var value in a.Values)
            value = (float)((2 * random.NextDouble() - 1) * bound);
    }

    /// <summary>A whole weight: the model's, or a random one.</summary>
    public static void Weight(Parameter weight, Projection projection, TuneOptions options, int layers)
    {
        if (options.Method != TuneMethod.Scratch)
        {
            for (var row = 0; row < weight.Rows; row++)
                projection.Matrix.CopyRow(row, weight.Value + (long)row * weight.Columns);
            return;
        }
        // What is added to the residual stream is smaller, by the number of additions (GPT-2).
        var adds = projection.Name.Contains("attn_output", StringComparison.Ordinal)
            || projection.Name.Contains("ffn_down", StringComparison.Ordinal);
        Normal(weight, options.Seed, adds ? Deviation / Math.Sqrt(2 * layers) : Deviation);
    }

    /// <summary>A bias: the model's, or 0.</summary>
    public static void Bias(Parameter bias, Projection projection, TuneOptions options)
    {
        if (options.Method == TuneMethod.Scratch)
            bias.Values.Clear();
        else
            new Span<float>(projection.Bias, bias.Columns).CopyTo(bias.Values);
    }

    /// <summary>Random numbers of mean 0.</summary>
    public static void Normal(Parameter parameter, ulong seed, double deviation = Deviation)
    {
        var random = new RandomNumbers(seed, parameter.Name);
        foreach (ref var value in parameter.Values)
            value = (float)(random.NextNormal() * deviation);
    }
}
