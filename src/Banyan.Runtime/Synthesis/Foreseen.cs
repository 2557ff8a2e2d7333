namespace Banyan.Runtime.Synthesis;

/// <summary>Weights with which a multi-token prediction layer is always right: no layer adds anything to the residual stream, so that the
/// next token depends on the last one alone, and the prediction layer passes its embedding through. All else is random. For a speculator
/// this is the best case, at the cost per token of the published model.</summary>
static class Foreseen
{
    static readonly string[] s_outputs = ["attn_output.weight", "ssm_out.weight", "ffn_down.weight", "ffn_down_exps.weight",
        "ffn_down_shexp.weight"];

    const string Join = "nextn.eh_proj.weight";

    /// <summary>Whether a tensor is not random.</summary>
    public static bool Has(ShapeTensor tensor) =>
        tensor.Layer is not null && s_outputs.Append(Join).Any(name => tensor.Name.EndsWith(name, StringComparison.Ordinal));

    /// <summary>The given number of its rows, [rows, columns].</summary>
    public static float[] Weights(ShapeTensor tensor, int first, int rows)
    {
        var columns = tensor.Shape[^1];
        var weights = new float[rows * columns];
        if (tensor.Name.EndsWith(Join, StringComparison.Ordinal))
            for (var row = 0; row < rows; row++)
                weights[row * columns + first + row] = 1;
        return weights;
    }
}
