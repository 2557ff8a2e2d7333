using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files;

/// <summary>Which tensors take part in the computation of text, by their names.</summary>
static partial class ModelTensors
{
    /// <summary>Whether it belongs to a computed layer, or comes before or after the layers.</summary>
    public static bool IsComputed(string name, int layers) =>
        Layer().Match(name) is { Success: true } layer
            ? int.Parse(layer.Groups[1].ValueSpan, CultureInfo.InvariantCulture) < layers && !Derived().IsMatch(name)
            : Around().IsMatch(name);

    [GeneratedRegex(@"^(?:blk|model\.layers)\.([0-9]{1,5})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();

    // Old files save what follows from the configuration.
    [GeneratedRegex(@"\.(?:attn_rot_embd|rotary_emb\.inv_freq)(?:\.weight)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Derived();

    [GeneratedRegex(@"^(?:token_embd_norm|position_embd|token_types|output_norm|output|cls|dense_[0-9]+|lm_head|model\.norm)\.",
        RegexOptions.CultureInvariant)]
    private static partial Regex Around();
}
