using System.Diagnostics;
using System.Globalization;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Microsoft.Data.Sqlite;

namespace Banyan.Bench.Hub;

/// <summary>What a page of a list costs on a hub of many repositories, which are rows alone.</summary>
static class ListBench
{
    const int Runs = 21, Deep = 50;

    public static async Task RunAsync(string folder, int repos)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var options = new HubOptions { DataFolder = folder };
        await using (var database = options.OpenDatabase())
            Fill(Path.Combine(folder, "hub.db"), repos);
        Console.WriteLine($"{repos} repositories, {new FileInfo(Path.Combine(folder, "hub.db")).Length / 1e6:F0} MB");
        var (server, hub) = await HubServerProcess.StartAsync(folder);
        using var running = server;
        var client = hub.Http;
        foreach (var query in new[]
        {
            "limit=20", "limit=20&sort=lastModified", "limit=20&sort=name&direction=1", "limit=20&filter=common", "limit=20&filter=common&filter=half", "limit=20&filter=rare", "limit=20&filter=rare&filter=common",
            "limit=20&search=llama", "limit=20&search=llama%20gemma", "limit=20&search=er-77", "limit=20&author=u7", "limit=20&num_parameters=min:7B,max:8B", "limit=1000", "limit=1000&filter=common&search=coder",
        })
        {
            var url = $"/api/models?{query}";
            var first = await MedianAsync(client, url);
            for (var page = 0; page < Deep && await NextAsync(client, url) is { } next; page++)
                url = next;
            var later = await MedianAsync(client, url);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{query,-45} {first,8:F1} ms   page {Deep} or the last: {later,8:F1} ms"));
        }
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

    static void Fill(string file, int repos)
    {
        using var connection = new SqliteConnection($"Data Source={file}");
        connection.Open();
        foreach (var sql in new[]
        {
            "BEGIN",
            "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO accounts (id, kind, name, name_key, created_at) SELECT i, 'user', 'u' || i, 'u' || i, 0 FROM n",
            $"""
            WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < {repos})
            INSERT INTO repos (id, type, owner_id, name, name_key, private, gated, disabled, default_branch, downloads, created_at, updated_at)
            SELECT i, 'model', 1 + i % 100, name, name, i % 20 = 0, NULL, 0, 'main', abs(random()) % 1000, i, abs(random()) % 1000000 FROM (
              SELECT i, (CASE i % 5 WHEN 0 THEN 'llama' WHEN 1 THEN 'gemma' WHEN 2 THEN 'coder' WHEN 3 THEN 'mini' ELSE 'base' END) || '-'
                || (CASE i / 5 % 5 WHEN 0 THEN 'llama' WHEN 1 THEN 'gemma' WHEN 2 THEN 'coder' WHEN 3 THEN 'mini' ELSE 'base' END) || '-' || i AS name FROM n)
            """,
            "INSERT INTO repo_names (type, full_name_key, repo_id) SELECT 'model', 'u' || owner_id || '/' || name_key, id FROM repos",
            """
            INSERT INTO listings (repo_id, type, name_key, parameters, facts, details)
            SELECT id, 'model', 'u' || owner_id || '/' || name_key, id * 100000, '{"tags":["common","transformers","license:apache-2.0"],"pipelineTag":"text-generation","library":"transformers"}', '{}' FROM repos
            """,
            "INSERT INTO listing_tags (tag_key, repo_id, tag) SELECT 'common', id, 'common' FROM repos",
            "INSERT INTO listing_tags (tag_key, repo_id, tag) SELECT 'half', id, 'half' FROM repos WHERE id % 2 = 1",
            "INSERT INTO listing_tags (tag_key, repo_id, tag) SELECT 'rare', id, 'rare' FROM repos WHERE id % 1000 = 1",
            """
            WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)
            INSERT OR IGNORE INTO listing_grams (gram, repo_id)
            SELECT ((unicode(substr(l.name_key, i, 1)) & 127) << 14) | ((unicode(substr(l.name_key, i + 1, 1)) & 127) << 7) | (unicode(substr(l.name_key, i + 2, 1)) & 127), l.repo_id
            FROM listings l, n WHERE i <= length(l.name_key) - 2
            """,
            "COMMIT",
        })
        {
            using var command = connection.CreateCommand();
            (command.CommandText, command.CommandTimeout) = (sql, 600);
            command.ExecuteNonQuery();
        }
    }
}
