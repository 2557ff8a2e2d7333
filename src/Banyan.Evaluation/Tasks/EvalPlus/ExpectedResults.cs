using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Python;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>What the canonical solution returns for each input of an item, and the CPU-seconds it took on this machine.</summary>
sealed record ExpectedResult(IReadOnlyList<PythonValue> Values, IReadOnlyList<double> CpuSeconds);

/// <summary>The expected results of a set of items: computed once, by running the canonical solutions, and cached in a file.</summary>
static class ExpectedResults
{
    /// <summary>CPU-seconds a canonical solution may take for one call, and for all.</summary>
    const double CallSeconds = 60, TotalSeconds = 600;

    public static async Task<IReadOnlyDictionary<string, ExpectedResult>> ComputeAsync(string task, IReadOnlyList<EvalPlusItem> items,
        Judge judge, CancellationToken cancellationToken)
    {
        var file = judge.Options.CacheFolder is { } folder
            ? Path.Combine(folder, $"{task}-{await KeyAsync(items, judge, cancellationToken)}.txt") : null;
        if (file is not null && File.Exists(file) && Read(file, items) is { } kept)
            return kept;

        var results = new ConcurrentDictionary<string, ExpectedResult>();
        await judge.ForEachAsync(items, async (item, token) => results[item.Id] = await RunAsync(item, judge, token), cancellationToken);
        if (file is not null)
            Write(file, items, results);
        return results;
    }

    static async Task<ExpectedResult> RunAsync(EvalPlusItem item, Judge judge, CancellationToken cancellationToken)
    {
        var inputs = item.Inputs.Select(i => i.ToLiteral()).ToArray();
        var values = new List<PythonValue>();
        var seconds = new List<double>();
        PythonOutcome? failed = null;
        var job = new PythonJob(item.CanonicalProgram, item.Entry,
            [new(inputs, [.. inputs.Select(_ => CallSeconds)])])
        {
            TotalSeconds = TotalSeconds,
            AsSet = EvalPlusOracle.IsSet(item, judge.Options.AsPublished)
        };
        var end = await judge.Python.RunAsync(job, outcome =>
        {
            if (outcome.Value is null)
            {
                failed = outcome;
                return false;
            }
            values.Add(outcome.Value);
            seconds.Add(outcome.CpuSeconds);
            return true;
        }, cancellationToken);
        if (values.Count != inputs.Length)
            throw new EvaluationException(
                $"the canonical solution of {item.Id} fails here at input {values.Count} ({failed?.Raised ?? end.ToString()}): no score of it would mean anything");
        return new(values, seconds);
    }

    static async Task<string> KeyAsync(IReadOnlyList<EvalPlusItem> items, Judge judge, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        Add(await judge.Python.IdentityAsync(cancellationToken));
        foreach (var item in items)
        {
            Add(item.CanonicalProgram + EvalPlusOracle.IsSet(item, judge.Options.AsPublished));
            foreach (var input in item.Inputs)
                Add(input.ToLiteral());
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..24];
    }

    /// <summary>One line per item: its id, then seconds and value of each input, separated by tabs (literals contain none).</summary>
    static void Write(string file, IReadOnlyList<EvalPlusItem> items, IReadOnlyDictionary<string, ExpectedResult> results)
    {
        var text = new StringBuilder();
        foreach (var item in items)
        {
            text.Append(item.Id);
            var result = results[item.Id];
            if (result.Values.Any(v => !IsLiteral(v)))
                return; // e.g. a generator: computed anew each time
            for (var i = 0; i < result.Values.Count; i++)
                text.Append(CultureInfo.InvariantCulture, $"\t{result.CpuSeconds[i]:F6}\t{result.Values[i].ToLiteral()}");
            text.Append('\n');
        }
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var temporary = $"{file}.{Environment.ProcessId}";
            File.WriteAllText(temporary, text.ToString());
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nowhere to keep them: they are computed again next time.
        }
    }

    static bool IsLiteral(PythonValue value) => value switch
    {
        PythonOpaque => false,
        PythonList l => l.Items.All(IsLiteral),
        PythonTuple t => t.Items.All(IsLiteral),
        PythonSet s => s.Items.All(IsLiteral),
        PythonDictionary d => d.Entries.All(e => IsLiteral(e.Key) && IsLiteral(e.Value)),
        _ => true,
    };

    static Dictionary<string, ExpectedResult>? Read(string file, IReadOnlyList<EvalPlusItem> items)
    {
        try
        {
            var results = new Dictionary<string, ExpectedResult>();
            foreach (var line in File.ReadLines(file))
            {
                var fields = line.Split('\t');
                var seconds = new List<double>();
                var values = new List<PythonValue>();
                for (var i = 1; i + 1 < fields.Length; i += 2)
                {
                    seconds.Add(double.Parse(fields[i], CultureInfo.InvariantCulture));
                    values.Add(PythonValue.Parse(fields[i + 1]));
                }
                results[fields[0]] = new(values, seconds);
            }
            return items.All(i => results.TryGetValue(i.Id, out var r) && r.Values.Count == i.BaseInputs.Count + i.PlusInputs.Count)
                ? results : null;
        }
        catch (Exception e) when (e is FormatException or IOException)
        {
            return null; // damaged: computed anew
        }
    }
}
