using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Banyan.Bench.Hub;

/// <summary>
/// Clone, fetch and push of one repository of many commits with the program git: from the hub, and from <c>git http-backend</c> on the same
/// disk, in turns, so that what else the machine does meets both.
/// </summary>
static class GitBench
{
    const int Folders = 40, Files = 25, AtOnce = 8;

    /// <param name="folder">For everything; what is there is used again.</param>
    /// <param name="commits">Of the repository.</param>
    /// <param name="bytes">Bytes that each commit adds and that cannot be compressed.</param>
    /// <param name="runs">Pairs of runs.</param>
    public static async Task RunAsync(string folder, int commits, int bytes, int runs)
    {
        Directory.CreateDirectory(folder);
        var source = Path.Combine(folder, $"source-{commits}-{bytes}.git");
        if (!Directory.Exists(source))
        {
            Git(folder, "init", "-q", "--bare", "--initial-branch=main", source);
            Import(source, commits, bytes);
            Git(source, "gc", "-q");
        }
        var (hubFolder, theirs) = (Path.Combine(folder, "hub"), Path.Combine(folder, "backend"));
        foreach (var old in new[] { hubFolder, theirs })
            if (Directory.Exists(old))
                Directory.Delete(old, recursive: true);
        Git(folder, "init", "-q", "--bare", "--initial-branch=main", Path.Combine(theirs, "weights"));
        Git(Path.Combine(theirs, "weights"), "config", "http.receivepack", "true");
        // beside what is measured it would take processors, and packs
        Git(Path.Combine(theirs, "weights"), "config", "receive.autogc", "false");
        var packs = Directory.GetFiles(Path.Combine(source, "objects", "pack"), "*.pack").Sum(f => new FileInfo(f).Length);
        Say($"{commits} commits, {Git(source, "count-objects", "-v").Split('\n').First(l => l.StartsWith("in-pack", StringComparison.Ordinal))[9..]} objects, {packs / 1e6:F1} MB packed by git");

        var (server, hub) = await HubServerProcess.StartAsync(hubFolder);
        using var running = server;
        await using var backend = await GitBackend.StartAsync(theirs);
        var ours = $"{hub.Address.Replace("://", $"://bench:{hub.Token}@", StringComparison.Ordinal)}/bench/weights";
        var peer = $"{backend.Address}/weights";

        Pairs("push of all", 1, url => Git(source, "push", "-q", "--force", url, "main"), ours, peer, server);
        Git(Path.Combine(theirs, "weights"), "gc", "-q");
        Say($"server                memory {server.Megabytes:F0} MB, most {server.PeakMegabytes:F0} MB, database {new DirectoryInfo(hubFolder).GetFiles("hub.db*").Sum(f => f.Length) / 1e6:F0} MB");

        Pairs("clone", runs, url => Fresh(folder, "clone", clone => Git(folder, "clone", "-q", "--bare", url, clone)), ours, peer, server);
        Pairs("clone --depth 1", runs,
            url => Fresh(folder, "clone", clone => Git(folder, "clone", "-q", "--bare", "--depth", "1", url, clone)), ours, peer, server);
        Say($"server                memory {server.Megabytes:F0} MB, most {server.PeakMegabytes:F0} MB");

        // A new commit, fetched by a clone that has all others.
        // One for each server: what a clone got from one it does not ask the other for.
        var readers = new[] { "reader-ours.git", "reader-theirs.git" }.Select(name => Fresh(folder, name, path => path)).ToArray();
        foreach (var reader in readers)
            Git(folder, "clone", "-q", "--bare", source, reader);
        var work = Path.Combine(folder, "work.git");
        Fresh(folder, "work.git", _ => 0);
        Git(folder, "clone", "-q", "--bare", source, work);
        var (fetches, pushes) = (new List<(Cost, Cost)>(), new List<(Cost, Cost)>());
        for (var i = 0; i < runs; i++)
        {
            Append(work, i, 1, 3, "main");
            pushes.Add((Measure(() => Git(work, "push", "-q", ours, "main"), server),
                Measure(() => Git(work, "push", "-q", peer, "main"))));
            fetches.Add((Measure(() => Git(readers[0], "fetch", "-q", ours, "main:main"), server),
                Measure(() => Git(readers[1], "fetch", "-q", peer, "main:main"))));
        }
        Tell("push of one commit", pushes);
        Tell("fetch of one commit", fetches);

        var (many, objects) = (new List<(Cost, Cost)>(), "");
        for (var i = 0; i < Math.Min(runs, 5); i++)
        {
            var branch = $"many-{i}";
            Git(work, "branch", branch, "main");
            Append(work, 1000 + i, 50, 98, branch);   // each commit: itself, the root, some 90 files and 110 folders
            objects = Git(work, "rev-list", "--objects", "--count", $"main..{branch}");
            many.Add((Measure(() => Git(work, "push", "-q", ours, branch), server), Measure(() => Git(work, "push", "-q", peer, branch))));
        }
        Tell($"push of {objects} objects", many);
        Pairs("clone after those", Math.Min(runs, 3),
            url => Fresh(folder, "clone", to => Git(folder, "clone", "-q", "--bare", url, to)), ours, peer, server);

        // A hub that has done nothing else: what many large clones need, not what came before them.
        running.Dispose();
        var (fresh, again) = await HubServerProcess.StartAsync(hubFolder);
        using var serving = fresh;
        ours = $"{again.Address.Replace("://", $"://bench:{again.Token}@", StringComparison.Ordinal)}/bench/weights";
        var before = fresh.Megabytes;
        var together = Together(folder, ours);
        Say($"{AtOnce} clones at once      ours {together:F2} s   git http-backend {Together(folder, peer):F2} s   memory {before:F0} MB before, most {fresh.PeakMegabytes:F0} MB");
    }

    static double Together(string folder, string url)
    {
        var seconds =
            Time(() => Parallel.For(0, AtOnce, new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
                n => Fresh(folder, $"clone-{n}", to => Git(folder, "clone", "-q", "--bare", url, to))));
        for (var n = 0; n < AtOnce; n++)
            Fresh(folder, $"clone-{n}", _ => 0);
        return seconds;
    }

    static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    /// <summary>What a step took: seconds, and processor seconds of the client and the server together.</summary>
    readonly record struct Cost(double Seconds, double Processor);

    /// <param name="server">The hub; null where git's own server answers, whose processes are children as the clients are.</param>
    static Cost Measure(Action work, Measured? server = null)
    {
        double Spent() => BareSocket.ChildrenSeconds() + (server?.CpuSeconds ?? 0);
        var before = Spent();
        var seconds = Time(work);
        return new(seconds, Spent() - before);
    }

    static void Pairs(string what, int runs, Action<string> run, string ours, string theirs, Measured server)
    {
        var pairs = new List<(Cost, Cost)>();
        for (var i = 0; i < runs; i++)
            pairs.Add((Measure(() => run(ours), server), Measure(() => run(theirs))));
        Tell(what, pairs);
    }

    static void Tell(string what, List<(Cost Ours, Cost Theirs)> pairs)
    {
        static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
        Say($"{what,-24}ours {Median(pairs.Select(p => p.Ours.Seconds)):F3} s   git http-backend {Median(pairs.Select(p => p.Theirs.Seconds)):F3} s   time {Median(pairs.Select(p => p.Ours.Seconds / p.Theirs.Seconds)):F2} × (median of {pairs.Count} pairs; {pairs.Min(p => p.Ours.Seconds / p.Theirs.Seconds):F2} to {pairs.Max(p => p.Ours.Seconds / p.Theirs.Seconds):F2})   CPU of both ends {Median(pairs.Select(p => p.Ours.Processor)):F2} s, {Median(pairs.Select(p => p.Theirs.Processor)):F2} s, {Median(pairs.Select(p => p.Ours.Processor / p.Theirs.Processor)):F2} ×");
    }

    static double Time(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }

    static T Fresh<T>(string folder, string name, Func<string, T> use)
    {
        var path = Path.Combine(folder, name);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        return use(path);
    }

    static string Git(string folder, params string[] arguments) => Git(folder, null, arguments);

    static string Git(string folder, Action<Stream>? input, string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = input is not null
        };
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        using var git = Process.Start(start)!;
        var errors = git.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            input(git.StandardInput.BaseStream);
            git.StandardInput.Close();
        }
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        return git.ExitCode == 0 ? output.Trim()
            : throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {errors.Result}");
    }

    static void Import(string repository, int commits, int bytes) =>
        Git(repository, stream => Write(stream, new Random(1), commits, bytes, 2, "main", null, 1_600_000_000),
            ["fast-import", "--quiet", "--force"]);

    static void Append(string repository, int seed, int commits, int changes, string branch)
    {
        var head = Git(repository, "rev-parse", branch);
        var at = long.Parse(Git(repository, "log", "-1", "--format=%ct", branch), CultureInfo.InvariantCulture);
        Git(repository, stream => Write(stream, new Random(seed), commits, 200, changes, branch, head, at + 1),
            ["fast-import", "--quiet", "--force"]);
    }

    /// <summary>A stream for git fast-import: text files of two levels of folders, of which each commit changes some.</summary>
    static void Write(Stream to, Random random, int commits, int bytes, int changes, string branch, string? from, long seconds)
    {
        var added = new byte[bytes];
        for (var i = 0; i < commits; i++)
        {
            var head =
                new StringBuilder(
                    $"commit refs/heads/{branch}\ncommitter Ana <ana@example.org> {seconds + i} +0000\ndata 10\nchange {i % 1000:000}");
            head.Append(i == 0 && from is not null ? $"\nfrom {from}\n" : "\n");
            to.Write(Encoding.UTF8.GetBytes(head.ToString()));
            for (var change = 0; change < changes; change++)
            {
                var file = (i * changes + change) % (Folders * Files) is var n && i < Folders * Files / changes ? n
                    : random.Next(Folders * Files);
                var text =
                    string.Concat(Enumerable.Range(0, 40)
                        .Select(l => $"line {l} of file {file}: {(random.Next(20) == 0 ? random.Next(1000) : l * file)}\n"));
                random.NextBytes(added);
                var content = Encoding.UTF8.GetBytes(text + Convert.ToBase64String(added) + "\n");
                to.Write(
                    Encoding.UTF8.GetBytes($"M 100644 inline folder{file / Files}/part{file % 5}/file{file}.txt\ndata {content.Length}\n"));
                to.Write(content);
                to.WriteByte((byte)'\n');
            }
            to.WriteByte((byte)'\n');
        }
    }
}
