using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Banyan.Cli;

/// <summary>
/// Numbers with a fraction are written with a point, everywhere. The parser would take a comma for a separator of thousands, and
/// <c>12,5</c> for 125: it is refused.
/// </summary>
static partial class Numbers
{
    /// <summary>Makes the numeric options and arguments of a command and its subcommands reject other values.</summary>
    public static void Check(Command command)
    {
        foreach (var option in command.Options.Where(o => IsFraction(o.ValueType)))
            option.Validators.Add(result => Check(result, option.Name));
        foreach (var argument in command.Arguments.Where(a => IsFraction(a.ValueType)))
            argument.Validators.Add(result => Check(result, argument.Name));
        foreach (var below in command.Subcommands)
            Check(below);
    }

    static bool IsFraction(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type.GetElementType() ?? type) is var plain
        && (plain == typeof(double) || plain == typeof(float) || plain == typeof(decimal));

    static void Check(SymbolResult result, string name)
    {
        foreach (var token in result.Tokens)
            if (!Number().IsMatch(token.Value))
                result.AddError(
                    $"{name} {token.Value}: a number is expected, with a point before its fraction{(token.Value.Contains(',', StringComparison.Ordinal) ? $", as {token.Value.Replace(',', '.')}" : "")}");
    }

    [GeneratedRegex(@"\A[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\z")]
    private static partial Regex Number();
}
