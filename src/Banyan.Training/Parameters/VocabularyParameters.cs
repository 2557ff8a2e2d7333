using Banyan.Runtime.Models;

namespace Banyan.Training.Parameters;

/// <summary>The trained embedding and output, or their last rows: one parameter if they are tied.</summary>
internal static unsafe class VocabularyParameters
{
    delegate void ReadRow(int token, float* to);

    public static (Parameter? Embedding, Parameter? Output) Add(Model model, TuneOptions options, ParameterSet parameters)
    {
        var (embedding, projection) = (model.Weights.Embedding, model.Weights.Logits.Projection);
        var first = options.HasAdapters ? embedding.Rows - options.NewTokens : 0;
        if (first < 0 || projection.Rows != embedding.Rows)
            throw new ArgumentException(
                $"NewTokens is {options.NewTokens}, of a vocabulary of {embedding.Rows} and an output of {projection.Rows}: they are the last of both");
        return (Matrix("token_embd.weight", embedding.Rows, embedding.WriteUnscaled),
            Matrix(projection.Name, projection.Rows, projection.Matrix.CopyRow));

        Parameter Matrix(string name, int rows, ReadRow read) =>
            parameters.Add(first > 0 ? $"{name}#{first}" : name, rows - first, embedding.Columns, ParameterKind.Tokens, p =>
        {
            if (options.Method == TuneMethod.Scratch)
                Start.Normal(p, options.Seed);
            else
                for (var row = 0; row < p.Rows; row++)
                    read(first + row, p.Value + (long)row * p.Columns);
        });
    }
}
