using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>SQLite's words in one column, where each word carries the field it is in: a search in names reads only names.</summary>
[Migration(80, "one column of words")]
public sealed class M0080_OneColumnOfWords : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        foreach (var sql in (string[])[
            "DROP TABLE listing_words",
            // Names' words begin with a sign, so the index of beginnings has one letter more for them: see SqliteDatabase.Places.
            "CREATE VIRTUAL TABLE listing_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii', prefix='3 4')",
            "UPDATE listings SET word_place = NULL",
            // What is listed already is read again, but no list waits for it: a mark below zero.
            "INSERT INTO unlisted (repo_id, mark) SELECT id, -1 FROM repos WHERE id NOT IN (SELECT repo_id FROM unlisted)"])
            IfDatabase(t => t.StartsWith("SQLite", StringComparison.OrdinalIgnoreCase)).Execute.Sql(sql);
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
