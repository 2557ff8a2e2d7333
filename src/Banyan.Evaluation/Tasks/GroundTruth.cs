using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks;

/// <summary>
/// Before anything is scored, the judge must tell right from wrong on this machine: known right answers pass, known wrong ones fail. Proofs
/// are cached, keyed by everything they depend on.
/// </summary>
static class GroundTruth
{
    const int Named = 6;

    /// <summary>Judges all; throws <see cref="EvaluationException"/> naming those with the wrong outcome.</summary>
    public static async Task ProveAsync(string task, ItemSet items, IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge,
        CancellationToken cancellationToken)
    {
        var note = judge.Options.CacheFolder is { } folder
            ? Path.Combine(folder, $"{task}-proven-{await KeyAsync(known, judge, cancellationToken)}") : null;
        if (note is not null && File.Exists(note))
            return;
        var wrong = await JudgeAsync(items, known, judge, cancellationToken);
        if (wrong.Count > 0)
            throw new EvaluationException(
                $"the judge of {task} is wrong here, so that no score would mean anything: {string.Join("; ", wrong.Take(Named).Select(w => w.What))}{(wrong.Count > Named ? $"; and {wrong.Count - Named} more" : "")}");
        if (note is not null)
            Note(note, "");
    }

    /// <summary>The items on which a known answer has the wrong outcome: those must not be used.</summary>
    public static async Task<IReadOnlySet<string>> UnsoundAsync(string task, ItemSet items,
        IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge, CancellationToken cancellationToken)
    {
        var note = judge.Options.CacheFolder is { } folder
            ? Path.Combine(folder, $"{task}-proven-{await KeyAsync(known, judge, cancellationToken)}") : null;
        if (note is not null && File.Exists(note))
            return (await File.ReadAllLinesAsync(note, cancellationToken)).Where(l => l.Length > 0).ToHashSet();
        var wrong = (await JudgeAsync(items, known, judge, cancellationToken)).Select(w => w.Id).ToHashSet();
        if (note is not null)
            Note(note, string.Join('\n', wrong.Order(StringComparer.Ordinal)));
        return wrong;
    }

    static async Task<IReadOnlyList<(string Id, string What)>> JudgeAsync(ItemSet items,
        IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge, CancellationToken cancellationToken)
    {
        var wrong = new ConcurrentBag<(string Id, string What)>();
        await judge.ForEachAsync(known, async (one, token) =>
        {
            var verdict = await items.JudgeAsync(judge, one.Answer, token);
            if (verdict.Passed != one.Right)
                wrong.Add(
                    (one.Answer.Id,
                        $"{(one.Right ? "the canonical solution" : "a wrong solution")} of {one.Answer.Id} {(verdict.Passed ? "passes" : $"fails ({verdict.Reason})")}"));
        }, cancellationToken);
        return [.. wrong.OrderBy(w => w.What, StringComparer.Ordinal)];
    }

    static void Note(string file, string text)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var temporary = $"{file}.{Environment.ProcessId}.new";
            File.WriteAllText(temporary, text);
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nowhere to keep it: it is proven again next time.
        }
    }

    /// <summary>The answers, this library, the Python and the .NET that run them.</summary>
    static async Task<string> KeyAsync(IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge,
        CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        Add(typeof(GroundTruth).Assembly.ManifestModule.ModuleVersionId.ToString());
        Add(await judge.Python.IdentityAsync(cancellationToken));
        Add(Environment.Version.ToString());
        foreach (var (answer, right) in known)
            Add($"{answer.Id}\0{answer.Text}\0{right}");
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..24];
    }
}
