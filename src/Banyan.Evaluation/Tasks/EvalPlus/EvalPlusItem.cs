using System.Globalization;
using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>
/// A problem of HumanEval(+) or MBPP(+): a function to write, and inputs on which it must agree with the canonical solution.
/// </summary>
sealed record EvalPlusItem(
    string Id, string Entry, string Prompt, string Canonical, bool IsMbpp, double Tolerance, IReadOnlyList<PythonValue> BaseInputs,
    IReadOnlyList<PythonValue> PlusInputs)
{
    public static EvalPlusItem Read(PythonValue data)
    {
        var id = data.Text("task_id");
        var isMbpp = id.StartsWith("Mbpp", StringComparison.OrdinalIgnoreCase);
        var problem = int.Parse(id.AsSpan(id.IndexOf('/') + 1), CultureInfo.InvariantCulture);
        // "No inputs" is written {} in some problems.
        IReadOnlyList<PythonValue> Inputs(string name) => data[name] is PythonDictionary { Entries.Count: 0 } ? []
            : [.. data.List(name).Select(input => isMbpp ? MbppInputs.Typed(problem, input) : input)];
        var tolerance = data["atol"] switch { PythonFloat f => f.Value, PythonInt i => (double)i.Value, _ => 0 };
        return new(id, data.Text("entry_point"), data.Text("prompt"), data.Text("canonical_solution"), isMbpp, tolerance,
            Inputs("base_input"), Inputs("plus_input"));
    }

    /// <summary>
    /// The item that this is the twin of: the right results are those of its solution, and facts of the data set are looked up by its name.
    /// </summary>
    public EvalPlusItem? Original { get; init; }

    /// <summary>All inputs, the base ones first.</summary>
    public IEnumerable<PythonValue> Inputs => BaseInputs.Concat(PlusInputs);

    /// <summary>The module to run for an answer.</summary>
    public string Program(RecordedAnswer answer) => answer.Whole ? answer.Text : Prompt + answer.Text;

    public string CanonicalProgram => Prompt + Canonical;
}
