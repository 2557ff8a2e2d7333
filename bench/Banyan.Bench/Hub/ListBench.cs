using System.Diagnostics;
using System.Globalization;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;

namespace Banyan.Bench.Hub;

/// <summary>What a page of a list costs on a hub of many repositories, which are rows alone.</summary>
static class ListBench
{
    const int Runs = 21, Deep = 50, Changes = 100;

    static Measured s_server = null!;

    /// <summary>Prefix of this run's new repositories: a hub that earlier runs used has theirs.</summary>
    static readonly string s_made = string.Create(CultureInfo.InvariantCulture, $"made-{DateTime.UtcNow:HHmmss}");

    /// <param name="folder">The hub's data.</param>
    /// <param name="repos">How many repositories.</param>
    /// <param name="database">An empty PostgreSQL database, or null for SQLite in the folder. A database that was filled before is used as
    /// it is.</param>
    public static async Task RunAsync(string folder, int repos, string? database)
    {
        var isFilled = File.Exists(Path.Combine(folder, "filled"));
        if (Directory.Exists(folder) && !isFilled)
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var options = new HubOptions { DataFolder = folder, Database = database };
        await using (options.OpenDatabase())
            Console.WriteLine("filling");
        var (catalogue, filling) = (new Catalogue(repos), Stopwatch.StartNew());
        using (ICatalogueTarget target = database is null ? new SqliteTarget(options.DatabaseFile!) : new PostgresTarget(database))
        {
            if (!isFilled)
                catalogue.Fill(target);
            await File.WriteAllTextAsync(Path.Combine(folder, "filled"), "");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{repos} repositories in {filling.Elapsed.TotalSeconds:F0} s, {target.Bytes / 1e6:F0} MB: {target.Bytes / 1e3 / Math.Max(1, repos):F2} KB each"));
        }
        var began = Stopwatch.StartNew();
        var (server, hub) = await HubServerProcess.StartAsync(folder, database: database);
        using var running = server;
        s_server = server;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"started in {began.Elapsed.TotalSeconds:F1} s"));
        var client = hub.Http;
        await ChangesAsync(hub);
        if (repos == 0)
            return;
        var page = 0;
        await TimesAsync(client, "model pages", () => $"/bench/{s_made}-{page++ % Changes}");
        await TimesAsync(client, "search pages", () => $"/search?q={Uri.EscapeDataString(catalogue.Query())}");
        await TimesAsync(client, "lists with words and facets", () => $"/models?search={Uri.EscapeDataString(catalogue.Query())}");
        await TimesAsync(client, "lists by task and language",
            () => $"/models?pipeline_tag={catalogue.Task()}&language={catalogue.Language()}");
        await TimesAsync(client, "what fits, in a language",
            () => $"/models?fits=8&download=3&commercial=true&language={catalogue.Language()}");
        await TimesAsync(client, "list API: words", () => $"/api/models?limit=20&search={Uri.EscapeDataString(catalogue.Query())}");
        await TimesAsync(client, "list API: task", () => $"/api/models?limit=20&pipeline_tag={catalogue.Task()}&sort=lastModified");
        await RateAsync(client, 200, () => $"/api/models?limit=20&pipeline_tag={catalogue.Task()}&filter={catalogue.Language()}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"memory {server.Megabytes:F0} MB, most {server.PeakMegabytes:F0} MB"));
        foreach (var query in new[] { "limit=20", "limit=20&sort=lastModified", "limit=20&sort=name&direction=1", "limit=20&filter=en",
            "limit=20&filter=sw&filter=license:mit", "limit=20&num_parameters=min:7B,max:8B", "limit=1000" })
        {
            var url = $"/api/models?{query}";
            var first = await MedianAsync(client, url);
            for (var turned = 0; turned < Deep && await NextAsync(client, url) is { } next; turned++)
                url = next;
            var later = await MedianAsync(client, url);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{query,-45} {first,8:F1} ms   page {Deep} or the last: {later,8:F1} ms"));
        }
    }

    /// <summary>What a repository costs to make and to change: on a hub that has none, and on a full one.</summary>
    static async Task ChangesAsync(HubClient hub)
    {
        var (created, committed) = (new List<double>(), new List<double>());
        var busy = s_server.CpuSeconds;
        for (var i = 0; i < Changes; i++)
        {
            var watch = Stopwatch.StartNew();
            await hub.CreateRepoAsync($"{s_made}-{i}");
            created.Add(watch.Elapsed.TotalMilliseconds);
            watch.Restart();
            await hub.CommitCardAsync($"{s_made}-{i}",
                $"---\nlicense: mit\nlanguage: en\n---\n# Made {i}\n\n{new string('x', i)} {DateTime.UtcNow.Ticks}");
            committed.Add(watch.Elapsed.TotalMilliseconds);
        }
        busy = s_server.CpuSeconds - busy;
        created.Sort();
        committed.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"create p50 {created[Changes / 2]:F1} ms, commit p50 {committed[Changes / 2]:F1} ms, CPU of both {busy * 1e3 / Changes:F1} ms"));
    }

    /// <summary>Different requests, one after the other.</summary>
    static async Task TimesAsync(HttpClient client, string what, Func<string> next)
    {
        const int Requests = 400;
        var times = new List<(double Ms, string Url)>();
        var busy = 0.0;
        for (var i = 0; i < Requests + 20; i++)
        {
            if (i == 20)
                busy = s_server.CpuSeconds;
            var (url, watch) = (next(), Stopwatch.StartNew());
            using var request = new HttpRequestMessage(HttpMethod.Get,
                url)
            { Headers = { { "Accept", url.StartsWith("/api", StringComparison.Ordinal) ? "application/json" : "text/html" } } };
            using var answer = await client.SendAsync(request);
            _ = await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
            if (i >= 20)
                times.Add((watch.Elapsed.TotalMilliseconds, url));
        }
        busy = s_server.CpuSeconds - busy;
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-32} CPU {busy * 1e3 / Requests,6:F1} ms   p50 {times[Requests / 2].Ms,7:F1} ms   p99 {times[Requests * 99 / 100].Ms,7:F1} ms   most {times[^1].Ms,7:F1} ms  {times[^1].Url}"));
    }

    /// <summary>Requests that begin at a rate, whether those before them have ended or not.</summary>
    static async Task RateAsync(HttpClient client, int rate, Func<string> next)
    {
        const int Seconds = 10;
        var busy = s_server.CpuSeconds;
        var (times, waiting, clock) = (new System.Collections.Concurrent.ConcurrentBag<double>(), new List<Task>(), Stopwatch.StartNew());
        for (var i = 0; i < rate * Seconds; i++)
        {
            var (url, due) = (next(), TimeSpan.FromSeconds((double)i / rate));
            if (due > clock.Elapsed)
                await Task.Delay(due - clock.Elapsed);
            waiting.Add(Task.Run(async () =>
            {
                _ = await client.GetByteArrayAsync(url);
                times.Add((clock.Elapsed - due).TotalMilliseconds);
            }));
        }
        await Task.WhenAll(waiting);
        busy = s_server.CpuSeconds - busy;
        var sorted = times.Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"list API at {rate} requests/s       CPU {busy * 1e3 / sorted.Length,6:F1} ms   p50 {sorted[sorted.Length / 2],7:F1} ms   p99 {sorted[sorted.Length * 99 / 100],7:F1} ms   most {sorted[^1],7:F1} ms"));
    }

    static async Task<double> MedianAsync(HttpClient client, string url)
    {
        var times = new List<double>();
        for (var i = 0; i < Runs; i++)
        {
            var watch = Stopwatch.StartNew();
            _ = await client.GetByteArrayAsync(url);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        times.Sort();
        return times[Runs / 2];
    }

    static async Task<string?> NextAsync(HttpClient client, string url)
    {
        using var response = await client.GetAsync(url);
        return response.Headers.TryGetValues("Link", out var link) ? link.Single()[1..link.Single().IndexOf('>')] : null;
    }
}
