using System.Globalization;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Python;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>
/// MBPP+ is JSON, which has neither tuples nor sets nor complex numbers; some problems are about them.
/// This table says which arguments are what, by problem number; it is a fact of the data set.
/// </summary>
static partial class MbppInputs
{
    static readonly HashSet<int>
        s_everyArgument = [2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809],
        s_itemsOfEveryArgument = [63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780],
        s_itemsOfTheFirst = [75, 413, 444, 753],
        s_theSecond = [106, 750],
        s_theFirst = [250, 307, 405, 446, 617, 720, 763, 808],
        s_argumentsAndTheirItems = [259, 401, 445],
        s_everyDepth = [580, 615, 791];

    /// <summary>The arguments of one call as the problem means them.</summary>
    public static PythonValue Typed(int problem, PythonValue arguments)
    {
        if (arguments is not PythonList { Items: var items })
            return arguments;
        return problem switch
        {
            _ when s_everyArgument.Contains(problem) => new PythonList([.. items.Select(Tuple)]),
            _ when s_itemsOfEveryArgument.Contains(problem) => new PythonList([.. items.Select(i => Each(i, Tuple))]),
            _ when s_itemsOfTheFirst.Contains(problem) => First(items, i => Each(i, Tuple)),
            _ when s_theSecond.Contains(problem) => new PythonList([items[0], Tuple(items[1]), .. items.Skip(2)]),
            _ when s_theFirst.Contains(problem) => First(items, Tuple),
            _ when s_argumentsAndTheirItems.Contains(problem) => new PythonList([.. items.Select(i => Tuple(Each(i, Tuple)))]),
            _ when s_everyDepth.Contains(problem) => arguments.Map(list => new PythonTuple(list.Items)),
            278 => First(items, i => Tuple(Each(i, Tuple))),
            115 => First(items, i => Each(i, SetOrEmptyDictionary)),
            124 => new PythonTuple([new PythonFloat(Complex(items[0]).Real), Complex(items[1])]),
            252 => new PythonList([Complex(items[0])]),
            722 => First(items, i => i is PythonDictionary d
                ? new PythonDictionary([.. d.Entries.Select(e => KeyValuePair.Create(e.Key, Tuple(e.Value)))]) : i),
            _ => arguments,
        };
    }

    static PythonList First(IReadOnlyList<PythonValue> items, Func<PythonValue, PythonValue> convert) =>
        new([convert(items[0]), .. items.Skip(1)]);

    static PythonValue Each(PythonValue value, Func<PythonValue, PythonValue> convert) =>
        value is PythonList list ? new PythonList([.. list.Items.Select(convert)]) : value;

    static PythonValue Tuple(PythonValue value) => value is PythonList list ? new PythonTuple(list.Items) : value;

    static PythonValue SetOrEmptyDictionary(PythonValue value) =>
        value is PythonList { Items.Count: > 0 } list ? new PythonSet(list.Items) : new PythonDictionary([]);

    /// <summary>A number, or one written as a string, as <c>complex()</c> reads it.</summary>
    static PythonComplex Complex(PythonValue value)
    {
        var text = value is PythonString s ? s.Value : value.ToLiteral();
        var match = ComplexNumber().Match(text);
        if (!match.Success)
            throw new EvaluationException($"MBPP+: '{text}' is no complex number");
        double Part(string name) => match.Groups[name] is { Success: true } part
            ? double.Parse(part.ValueSpan, CultureInfo.InvariantCulture) : 0;
        return new(Part("real"), Part("imaginary"));
    }

    private const string Digits = @"[\d.]+(?:e[+-]?\d+)?";

    [GeneratedRegex($@"^\(?(?:(?<real>[+-]?{Digits})(?<imaginary>[+-]{Digits})j|(?<imaginary>[+-]?{Digits})j|(?<real>[+-]?{Digits}))\)?\z")]
    private static partial Regex ComplexNumber();
}
