using System.Data.Common;
using Dapper;

namespace Banyan.Cli.Tests.Faults;

/// <summary>Makes a hub older than it is, so that a collection has something to remove.</summary>
static class OldAge
{
    static readonly (string Table, string Column)[] s_times =
        [("repo_contents", "uploaded_at"), ("contents", "created_at"), ("xorbs", "keep_until"), ("unreached_contents", "since"),
            ("unreached_git_objects", "since")];

    public static async Task AddAsync(DbConnection connection, TimeSpan age)
    {
        await using (connection)
        {
            await connection.OpenAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            // Negative numbers are no times.
            foreach (var (table, column) in s_times)
                await connection.ExecuteAsync($"UPDATE {table} SET {column} = {column} - @age WHERE {column} > @age",
                    new { age = (long)age.TotalMilliseconds }, transaction);
            await transaction.CommitAsync();
        }
    }
}
