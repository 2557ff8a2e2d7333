using System.Text.Json;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Data;

/// <summary>One evaluation file, as held_out.jsonl keeps it. <c>Set</c> is <c>files</c>, or the name of a repository never trained on.</summary>
internal sealed record HeldOutFile(string Set, string Repository, string Path, string Language, string Text);

/// <summary>
/// From checkouts to training data:
/// :: 1 collect and clean · 2 drop duplicates, everywhere at once · 3 cap each repository and language · 4 hold out files
/// · 5 drop held-out files that still share too much with training · 6 write what is learned from.
/// </summary>
internal static class Preparation
{
    private const int HeldOutBytesPerSet = 400_000;
    private const double HeldOutShare = 0.015, TestShare = 0.25, FimShare = 0.25, LargestOverlap = 0.3;

    private static readonly Dictionary<Language, (int PerRepository, int Total)> s_capBytes = new()
    {
        [Language.CSharp] = (4_000_000, 51_000_000),
        [Language.Python] = (3_000_000, 34_000_000),
    };

    public static void Run(string dataFolder, string listPath, string outFolder, int seed)
    {
        Directory.CreateDirectory(outFolder);
        var random = new Random(seed);
        var repositories = Repository.ReadList(listPath);
        var unseen = repositories.Where(r => r.Role == "unseen").Select(r => r.Name).ToHashSet();

        // :: 1
        var collected = new List<SourceFile>();
        foreach (var repository in repositories)
        {
            string folder = repository.FolderIn(dataFolder);
            if (!Directory.Exists(folder))
            {
                throw new DirectoryNotFoundException($"{folder} is missing: check out {repository.Name} at {repository.Commit} there.");
            }

            collected.AddRange(SourceCollector.Collect(repository, folder));
        }

        Console.WriteLine($"collected {collected.Count:N0} files, {collected.Sum(f => (long)f.Bytes):N0} bytes");

        // :: 2
        Shuffle(collected, random);
        var seen = new NearDuplicates();
        var files = collected.Where(file => seen.TryAdd(file.Text)).ToList();
        Console.WriteLine($"without near-duplicates {files.Count:N0} files, {files.Sum(f => (long)f.Bytes):N0} bytes");

        // :: 3
        var unseenFiles = files.Where(file => unseen.Contains(file.Repository)).ToList();
        files = Cap([.. files.Where(file => !unseen.Contains(file.Repository))]);

        // :: 4
        var training = new List<SourceFile>();
        var heldOut = new List<HeldOutFile>();
        var heldOutBytes = new Dictionary<(string, Language), int>();
        foreach (var file in unseenFiles.Concat(files))
        {
            string? set = unseen.Contains(file.Repository) ? file.Repository : random.NextDouble() < HeldOutShare ? "files" : null;
            if (set is null)
            {
                training.Add(file);
            }
            else if (heldOutBytes.GetValueOrDefault((set, file.Language)) < HeldOutBytesPerSet)
            {
                heldOutBytes[(set, file.Language)] = heldOutBytes.GetValueOrDefault((set, file.Language)) + file.Bytes;
                heldOut.Add(new HeldOutFile(set, file.Repository, file.Path, file.Language.ToString(), file.Text));
            }
        }

        foreach (var group in training.GroupBy(f => f.Repository).OrderBy(g => g.Key, StringComparer.OrdinalIgnoreCase))
        {
            Console.WriteLine($"  {group.Key,-40} {group.Count(),6:N0} files {group.Sum(f => (long)f.Bytes),12:N0} bytes");
        }

        // :: 5
        var trained = training.SelectMany(f => NearDuplicates.Shingles(f.Text)).ToHashSet();
        int before = heldOut.Count;
        heldOut.RemoveAll(file => Overlap(file.Text, trained) > LargestOverlap);
        Console.WriteLine($"held out {heldOut.Count:N0} files; {before - heldOut.Count:N0} more dropped, sharing over {LargestOverlap:P0} of their seven-word runs with training");
        trained = null;
        File.WriteAllLines(Path.Combine(outFolder, "held_out.jsonl"), heldOut.Select(file => JsonSerializer.Serialize(file)));

        // :: 6
        WriteRecords(training, Path.Combine(outFolder, "train.jsonl"), random);
    }

    /// <summary>A file is one record, behind an end of text as when it is evaluated; or some samples with a hole.</summary>
    private static void WriteRecords(List<SourceFile> training, string path, Random random)
    {
        var fim = new FillInTheMiddle(random);
        using var records = new StreamWriter(path);
        long plainBytes = 0;
        int plain = 0, holes = 0;
        foreach (var file in training.Where(file => !SpecialTokens.All.Any(file.Text.Contains))) // their names are read as tokens
        {
            if (random.NextDouble() < FimShare)
            {
                foreach (string sample in fim.Samples(file.Text))
                {
                    records.WriteLine(JsonSerializer.Serialize(new { text = sample }));
                    holes++;
                }

                continue;
            }

            records.WriteLine(JsonSerializer.Serialize(new { text = SpecialTokens.EndOfText + file.Text }));
            plainBytes += file.Bytes;
            plain++;
        }

        Console.WriteLine($"{plain:N0} plain files, {plainBytes:N0} bytes; {holes:N0} fill-in-the-middle samples");
    }

    /// <summary>Takes files in their (random) order until a repository's, its tests' or the language's share is full.</summary>
    private static List<SourceFile> Cap(List<SourceFile> files)
    {
        var used = new Dictionary<(string, Language), long>();
        var tests = new Dictionary<(string, Language), long>();
        var total = new Dictionary<Language, long>();
        var kept = new List<SourceFile>();
        foreach (var file in files)
        {
            var key = (file.Repository, file.Language);
            var cap = s_capBytes[file.Language];
            if (used.GetValueOrDefault(key) + file.Bytes > cap.PerRepository
                || total.GetValueOrDefault(file.Language) + file.Bytes > cap.Total
                || (file.IsTest && tests.GetValueOrDefault(key) + file.Bytes > TestShare * cap.PerRepository))
            {
                continue;
            }

            used[key] = used.GetValueOrDefault(key) + file.Bytes;
            total[file.Language] = total.GetValueOrDefault(file.Language) + file.Bytes;
            tests[key] = tests.GetValueOrDefault(key) + (file.IsTest ? file.Bytes : 0);
            kept.Add(file);
        }

        Console.WriteLine($"capped: {kept.Count:N0} files, {string.Join(", ", total.Select(t => $"{t.Key} {t.Value:N0} bytes"))}");
        return kept;
    }

    private static double Overlap(string text, HashSet<ulong> trained)
    {
        var shingles = NearDuplicates.Shingles(text).ToList();
        return shingles.Count == 0 ? 1 : shingles.Count(trained.Contains) / (double)shingles.Count;
    }

    private static void Shuffle<T>(List<T> items, Random random) =>
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(items));
}
