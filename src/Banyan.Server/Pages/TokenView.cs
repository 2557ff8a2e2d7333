using System.Globalization;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Pages;

/// <summary>A generated token (or several that make up one character) with its probability and the alternatives to it.</summary>
public sealed record TokenView(string Text, double Probability, IReadOnlyList<AlternativeView> Alternatives)
{
    public string Percent => AlternativeView.Format(Probability);

    /// <summary>CSS class: how sure the model was.</summary>
    public string Shade => Probability switch { >= 0.9 => "p9", >= 0.6 => "p6", >= 0.3 => "p3", >= 0.1 => "p1", _ => "p0" };

    /// <summary>Groups pieces into views: a piece without text waits for the one that completes it.</summary>
    internal static List<TokenView> Of(IEnumerable<Generated> pieces, Tokenizer tokenizer)
    {
        var views = new List<TokenView>();
        Generated? first = null;
        foreach (var piece in pieces)
        {
            first ??= piece.Token is null ? null : piece;
            if (piece.Text.Length == 0)
                continue;
            views.Add(new(piece.Text, first is null ? 1 : Math.Exp(first.LogProb), first is null ? []
                : [.. first.TopLogProbs.Select(t => new AlternativeView(tokenizer.Text(t.Token), Math.Exp(t.LogProb)))]));
            first = null;
        }
        return views;
    }
}

public sealed record AlternativeView(string Text, double Probability)
{
    /// <summary>White space made visible.</summary>
    public string Shown => Text.Length == 0 ? "∅"
        : Text.Replace(' ', '␣').Replace("\n", "↵", StringComparison.Ordinal).Replace("\t", "⇥", StringComparison.Ordinal);

    public string Value => Probability.ToString("0.0000", CultureInfo.InvariantCulture);

    public string Percent => Format(Probability);

    public static string Format(double probability) => probability >= 0.0995
        ? probability.ToString("0%", CultureInfo.InvariantCulture)
        : probability.ToString("0.0%", CultureInfo.InvariantCulture);
}
