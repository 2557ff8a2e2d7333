using System.Diagnostics;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Contamination;

/// <summary>
/// Searches a training set for tasks' items, in one pass and constant memory:
/// <code>
/// 1. items  → the sequences of words and code tokens that tell them apart (GramIndex)
/// 2. files  → text, JSON strings unescaped, decompressed (DocumentScanner)
/// 3. text   → sequences, looked up; per item the largest share within a window (GramMatcher)
/// 4. shares → which document contains what, where (ContaminationReport)
/// </code>
/// </summary>
public sealed class ContaminationScan
{
    readonly List<(string Task, string Id)> _items = [];
    readonly List<(string Task, int Items)> _tasks = [];
    readonly GramIndex[] _indexes;

    /// <summary>
    /// Prepares a scan for tasks; those of the same text are counted once, under both names. Tasks without texts are an
    /// <see cref="EvaluationException"/>.
    /// </summary>
    public ContaminationScan(IReadOnlyList<(EvaluationTask Task, ItemSet Items)> tasks)
    {
        var texts = new List<ItemText>();
        var problems = new List<(string, string)>();
        var groups =
            tasks.Select(t =>
                (t.Task.Name,
                    Items: t.Items.Ids.Select(id => (Id: id, Text: t.Items.Text(id), Problem: t.Task.SourceProblem(id))).ToList()))
            .GroupBy(t => string.Join('\n', t.Items.Select(i => $"{i.Id}\0{i.Text?.Statement}")));
        foreach (var group in groups)
        {
            var name = string.Join(", ", group.Select(t => t.Name));
            var items = group.First().Items;
            _tasks.Add((name, items.Count));
            foreach (var (id, text, problem) in items)
            {
                _items.Add((name, id));
                texts.Add(text ?? throw new EvaluationException($"{name} has no texts to look for: {id}"));
                problems.Add((name, problem));
            }
        }
        _indexes = [.. ContaminationMethods.All.Select(method => new GramIndex(
            [.. texts.Select(t =>
                DocumentScanner.Of(method == ContaminationMethod.NearDuplicate ? t.Solution ?? "" : t.Statement + t.Solution, method))],
            problems, method == ContaminationMethod.NearDuplicate ? ContaminationMethods.LeastCodeGrams : 1))];
    }

    /// <summary>
    /// Scans a file, or all files of a folder, several at once; throws <see cref="EvaluationException"/> when there is nothing to read.
    /// </summary>
    public ContaminationReport Run(string path, int parallel, IProgress<(long Done, long Of)>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var files = Files(path);
        long total = files.Sum(f => f.Length), done = 0, characters = 0;
        var began = Stopwatch.GetTimestamp();
        var skipped = new SortedSet<string>(StringComparer.Ordinal);
        var best = new Dictionary<(ContaminationMethod, int), (Found Found, string File, int Documents)>();
        var read = 0;
        // Large files first, so that none is begun when the others are done.
        Parallel.ForEach(files.OrderByDescending(f => f.Length),
            new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken },
            () => new DocumentScanner(_indexes),
            (file, _, scanner) =>
            {
                var relative = File.Exists(path) ? Path.GetFileName(path) : Path.GetRelativePath(path, file.FullName);
                long seen = 0;
                var count = scanner.Scan(file.FullName, (method, item, found) =>
                {
                    if (method == ContaminationMethod.NearDuplicate && found.Share < ContaminationMethods.LeastCodeShare)
                        return;
                    lock (best)
                    {
                        var (known, knownFile, documents) = best.GetValueOrDefault((method, item));
                        // Of equals, the first by name and line: the outcome does not depend on who was faster.
                        var isBetter = documents == 0 || found.Share > known.Share
                            || found.Share == known.Share
                            && (string.CompareOrdinal(relative, knownFile), found.Line).CompareTo((0, known.Line)) < 0;
                        best[(method, item)] = isBetter ? (found, relative, documents + 1) : (known, knownFile, documents + 1);
                    }
                }, bytes =>
                {
                    progress?.Report((Interlocked.Add(ref done, bytes - seen), total));
                    seen = bytes;
                }, out var whyNot, cancellationToken);
                lock (skipped)
                {
                    characters += count ?? 0;
                    read += count is null ? 0 : 1;
                    if (whyNot.Length > 0)
                        skipped.Add($"{relative}: {whyNot}");
                }
                return scanner;
            }, _ => { });
        if (read == 0)
            throw new EvaluationException($"{path} holds no text to scan (text, code, JSON and JSON lines are read, also with .gz)");

        var hits = best.OrderBy(b => b.Key.Item2).ThenBy(b => b.Key.Item1)
            .Select(b => new ContaminationHit(_items[b.Key.Item2].Task, _items[b.Key.Item2].Id, b.Key.Item1, b.Value.Found.Share,
                b.Value.File, b.Value.Found.Line, b.Value.Documents)).ToList();
        return new()
        {
            Files = read,
            Characters = characters,
            Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
            Skipped = [.. skipped],
            Hits = hits,
            Tasks = [.. _tasks.Select(t => new TaskContamination(t.Task, t.Items,
                ContaminationMethods.All.ToDictionary(m => m, m => hits.Count(h => h.Task == t.Task && h.Method == m)),
                ContaminationMethods.All.ToDictionary(m => m,
                    m => _items.Index().Count(i => i.Item.Task == t.Task && _indexes[(int)m].Counts[i.Index] == 0))))],
        };
    }

    static List<FileInfo> Files(string path)
    {
        if (File.Exists(path))
            return [new(path)];
        if (!Directory.Exists(path))
            throw new EvaluationException($"there is no file or folder '{path}': give the training set's");
        var all = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true
        };
        var git = $"{Path.DirectorySeparatorChar}.git{Path.DirectorySeparatorChar}";
        return [.. new DirectoryInfo(path).EnumerateFiles("*", all)
            .Where(f => !f.FullName.Contains(git, StringComparison.Ordinal) && !SpecialFile.Is(f))];
    }
}
