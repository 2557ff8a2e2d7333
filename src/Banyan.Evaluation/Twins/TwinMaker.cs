using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Python;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Twins;

/// <summary>A function to make a twin of.</summary>
/// <param name="Id">The item; all choices are derived from it.</param>
/// <param name="Entry">The function's name.</param>
/// <param name="Prompt">What a model is shown.</param>
/// <param name="Code">What follows it in the canonical solution.</param>
/// <param name="Inputs">Inputs from which other examples are chosen, as literals; the task's own tests first.</param>
/// <param name="Tests">How many of them are the task's own tests.</param>
/// <param name="Wrong">Wrong solutions, as <paramref name="Code"/> is.</param>
sealed record TwinOf(string Id, string Entry, string Prompt, string Code, IReadOnlyList<string> Inputs, int Tests,
    IReadOnlyList<string> Wrong);

/// <summary>Its twin.</summary>
/// <param name="Entry">The new name.</param>
/// <param name="Prompt">What a model is shown.</param>
/// <param name="Code">What follows it in the canonical solution.</param>
/// <param name="Programs">Wrong solutions: whole programs.</param>
/// <param name="Bodies">Wrong solutions, as <paramref name="Code"/> is.</param>
/// <param name="Changes">What differs, in a few words.</param>
sealed record FunctionTwin(string Entry, string Prompt, string Code, IReadOnlyList<string> Programs, IReadOnlyList<string> Bodies,
    IReadOnlyList<string> Changes);

/// <summary>The twin of a function whose input or output is the question.</summary>
sealed record ExpressionTwin(string Code, string Input, string Output, IReadOnlyList<string> Changes);

/// <summary>
/// Creates twins: names and constants with Python's own parser in the sandbox, where the canonical solution computes the results of other
/// examples; wording here (<see cref="Rewording"/>). The same items have the same twins everywhere; they are cached.
/// </summary>
static class TwinMaker
{
    static readonly string[] s_parts = ["Source.py", "Names.py", "Examples.py", "Wrong.py", "Twins.py"];
    static readonly byte[] s_script = ReadScript();

    /// <summary>Items per process; one by one if an item crashes it.</summary>
    const int Batch = 20;

    /// <summary>CPU-seconds for an item: each call of a solution has one, most take none.</summary>
    const double SecondsPerItem = 20;

    /// <summary>Inputs that are shown to the maker, and the most characters of one.</summary>
    const int MostInputs = 40, LongestInput = 200;

    /// <summary>What a twin depends on besides its original: the version of its generator.</summary>
    public static string Version { get; } =
        $"twins-{Convert.ToHexStringLower(SHA256.HashData([.. s_script, .. Encoding.UTF8.GetBytes(Rewording.Version)]))[..12]}";

    public static async Task<IReadOnlyDictionary<string, FunctionTwin>> FunctionsAsync(string task, IReadOnlyList<TwinOf> items,
        Judge judge, CancellationToken cancellationToken)
    {
        static string List(IEnumerable<string> texts) => $"[{string.Join(',', texts.Select(PythonString.Quote))}]";
        var requests = items.Select(i =>
        {
            var inputs = i.Inputs.Index().Where(x => x.Item.Length <= LongestInput).Take(MostInputs).ToList();
            return (i.Id, Literal: string.Create(CultureInfo.InvariantCulture,
                $"{{'id':{PythonString.Quote(i.Id)},'entry':{PythonString.Quote(i.Entry)},'prompt':{PythonString.Quote(i.Prompt)},'code':{PythonString.Quote(i.Code)},'inputs':{List(inputs.Select(x => x.Item))},'tests':{inputs.Count(x => x.Index < i.Tests)},'wrong':{List(i.Wrong)}}}"));
        }).ToList();
        return (await MakeAsync(task, "function", requests, judge, cancellationToken)).ToDictionary(m => m.Key, m =>
        {
            var prose = m.Value.List("prose").Select(span => (Start: Number(span, 0), End: Number(span, 1))).ToList();
            var (prompt, reworded) = Rewording.Apply(m.Value.Text("prompt"), prose, m.Key);
            IReadOnlyList<string> changes = [.. Texts(m.Value, "changes"), .. reworded ? ["words"] : Array.Empty<string>()];
            return new FunctionTwin(m.Value.Text("entry"), prompt, m.Value.Text("code"), Texts(m.Value, "wrong"),
                Texts(m.Value, "bodies"), changes);
        });
    }

    public static async Task<IReadOnlyDictionary<string, ExpressionTwin>> ExpressionsAsync(string task,
        IReadOnlyList<(string Id, string Code, string Input)> items, Judge judge, CancellationToken cancellationToken)
    {
        var requests =
            items.Select(i =>
                (i.Id, $"{{'id':{PythonString.Quote(i.Id)},'code':{PythonString.Quote(i.Code)},'input':{PythonString.Quote(i.Input)}}}"))
                .ToList();
        return (await MakeAsync(task, "expression", requests, judge, cancellationToken)).ToDictionary(m => m.Key,
            m => new ExpressionTwin(m.Value.Text("code"), m.Value.Text("input"), m.Value.Text("output"), Texts(m.Value, "changes")));
    }

    static string[] Texts(PythonValue made, string name) => [.. made.List(name).Select(v => ((PythonString)v).Value)];

    static int Number(PythonValue span, int index) => (int)((PythonInt)((PythonList)span).Items[index]).Value;

    /// <summary>The twins by item; items without a twin are left out.</summary>
    static async Task<IReadOnlyDictionary<string, PythonValue>> MakeAsync(string task, string kind,
        IReadOnlyList<(string Id, string Literal)> items, Judge judge, CancellationToken cancellationToken)
    {
        var file = judge.Options.CacheFolder is { } folder
            ? Path.Combine(folder, $"{task}{TwinTask.Suffix}-{await KeyAsync(items, judge, cancellationToken)}.txt") : null;
        var lines = file is not null && File.Exists(file) ? await File.ReadAllLinesAsync(file, cancellationToken) : null;
        if (lines is null || lines.Length != items.Count)
        {
            var made = new ConcurrentDictionary<string, string>();
            await judge.ForEachAsync(items.Chunk(Batch), (batch, token) => RunAsync(kind, batch, made, judge, token), cancellationToken);
            await judge.ForEachAsync(items.Where(i => !made.ContainsKey(i.Id)),
                (item, token) => RunAsync(kind, [item], made, judge, token), cancellationToken);
            lines = [.. items.Select(i => made.GetValueOrDefault(i.Id, $"{{'id':{PythonString.Quote(i.Id)}}}"))];
            if (file is not null)
                Keep(file, lines);
        }
        try
        {
            return lines.Select(l => PythonValue.Parse(l)).OfType<PythonDictionary>().Where(d => d.Entries.Count > 1)
                .ToDictionary(d => d.Text("id"), PythonValue (d) => d);
        }
        catch (FormatException e)
        {
            throw new EvaluationException($"{file ?? task}: what was made is not understood ({e.Message}); delete the file and run again");
        }
    }

    static async Task RunAsync(string kind, IReadOnlyList<(string Id, string Literal)> items, ConcurrentDictionary<string, string> made,
        Judge judge, CancellationToken cancellationToken)
    {
        var input = Encoding.ASCII.GetBytes($"{{'kind':'{kind}','items':[{string.Join(',', items.Select(i => i.Literal))}]}}");
        var limits = new SandboxLimits { CpuSeconds = SecondsPerItem * items.Count, WallSeconds = 600 };
        var next = 0;
        await judge.Python.RunScriptAsync("Twins.py", s_script, input, limits,
            line => next < items.Count && made.TryAdd(items[next++].Id, line), cancellationToken);
    }

    static async Task<string> KeyAsync(IReadOnlyList<(string Id, string Literal)> items, Judge judge, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(s_script);
        hash.AppendData(Encoding.UTF8.GetBytes(await judge.Python.IdentityAsync(cancellationToken)));
        foreach (var (_, literal) in items)
            hash.AppendData(Encoding.ASCII.GetBytes(literal + "\0"));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..24];
    }

    static void Keep(string file, IEnumerable<string> lines)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var temporary = $"{file}.{Environment.ProcessId}.new";
            File.WriteAllLines(temporary, lines);
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nowhere to keep them: they are made again next time.
        }
    }

    static byte[] ReadScript()
    {
        using var script = new MemoryStream();
        foreach (var part in s_parts)
        {
            using var stream = typeof(TwinMaker).Assembly.GetManifestResourceStream("Twins." + part)!;
            stream.CopyTo(script);
            script.Write("\n\n"u8);
        }
        return script.ToArray();
    }
}
