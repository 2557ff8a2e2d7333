using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks;

/// <summary>
/// Before anything is scored, the judge must tell right from wrong on this machine: known right answers pass, known wrong ones fail.
/// What was proven once is noted in the cache, by everything it depends on.
/// </summary>
static class GroundTruth
{
    const int Named = 6;

    /// <summary>Judges all; throws <see cref="EvaluationException"/> naming those that come out otherwise than they must.</summary>
    public static async Task ProveAsync(string task, ItemSet items, IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge, CancellationToken cancellationToken)
    {
        var note = judge.Options.CacheFolder is { } folder ? Path.Combine(folder, $"{task}-proven-{await KeyAsync(known, judge, cancellationToken)}") : null;
        if (note is not null && File.Exists(note))
            return;
        var wrong = new ConcurrentBag<string>();
        await judge.ForEachAsync(known, async (one, token) =>
        {
            var verdict = await items.JudgeAsync(judge, one.Answer, token);
            if (verdict.Passed != one.Right)
                wrong.Add($"{(one.Right ? "the canonical solution" : "a wrong solution")} of {one.Answer.Id} {(verdict.Passed ? "passes" : $"fails ({verdict.Reason})")}");
        }, cancellationToken);
        if (!wrong.IsEmpty)
            throw new EvaluationException($"the judge of {task} is wrong here, so that no score would mean anything: {string.Join("; ", wrong.Order(StringComparer.Ordinal).Take(Named))}{(wrong.Count > Named ? $"; and {wrong.Count - Named} more" : "")}");
        if (note is not null)
            Note(note);
    }

    static void Note(string file)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nowhere to keep it: it is proven again next time.
        }
    }

    /// <summary>The answers, this library, the Python and the .NET that run them.</summary>
    static async Task<string> KeyAsync(IReadOnlyList<(RecordedAnswer Answer, bool Right)> known, Judge judge, CancellationToken cancellationToken)
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
