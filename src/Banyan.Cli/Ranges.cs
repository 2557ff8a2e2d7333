using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Banyan.Cli;

/// <summary>Options with a range: a value outside is refused before anything is loaded.</summary>
static class Ranges
{
    public static void Between<T>(this Option<T> option, T least, T most) where T : struct, INumber<T> =>
        option.Validators.Add(result => Check(option.Name, result, least, most));

    /// <inheritdoc cref="Between{T}(Option{T}, T, T)"/>
    public static void Between<T>(this Option<T?> option, T least, T most) where T : struct, INumber<T> =>
        option.Validators.Add(result => Check(option.Name, result, least, most));

    // What is no number has an error of its own.
    static void Check<T>(string name, OptionResult result, T least, T most) where T : struct, INumber<T>
    {
        if (result.Tokens is [.., var token] && T.TryParse(token.Value, CultureInfo.InvariantCulture, out var number)
            && !(number >= least && number <= most))
            result.AddError(string.Create(CultureInfo.InvariantCulture,
                $"{name} {number}: {(most > T.CreateSaturating(1_000_000) ? $"at least {least}" : $"between {least} and {most}")}"));
    }
}
