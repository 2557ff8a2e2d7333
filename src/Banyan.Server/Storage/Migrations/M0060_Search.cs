using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Words of names, tags and cards, how they are misspelt, and what a model's smallest weights take.</summary>
[Migration(60, "search")]
public sealed class M0060_Search : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        // Words alone, without the text: head has those of names, tags and languages, body those of cards. Databases spell it differently; dumps leave it
        // out, since it follows from the rest.
        IfDatabase(t => t.StartsWith("SQLite", StringComparison.OrdinalIgnoreCase)).Execute.Sql("CREATE VIRTUAL TABLE listing_words USING fts5(head, body, content='', contentless_delete=1, detail=column, tokenize='ascii', prefix='3')");
        IfDatabase(t => t.StartsWith("SQLite", StringComparison.OrdinalIgnoreCase)).Execute.Sql("CREATE TRIGGER listing_words_of_none AFTER DELETE ON listings BEGIN DELETE FROM listing_words WHERE rowid = OLD.repo_id; END");
        IfDatabase(t => t.StartsWith("Postgres", StringComparison.OrdinalIgnoreCase)).Execute.Sql(
            """
            CREATE TABLE listing_words (repo_id bigint PRIMARY KEY REFERENCES repos (id) ON DELETE CASCADE, head tsvector NOT NULL, words tsvector NOT NULL);
            CREATE INDEX listing_words_head ON listing_words USING gin (head);
            CREATE INDEX listing_words_words ON listing_words USING gin (words)
            """);

        Create.Table("spellings")                                             // forms of a word without one letter; see Spelling
            .WithColumn("form").AsString(24).PrimaryKey()
            .WithColumn("word").AsString(24).PrimaryKey();

        Alter.Table("listings").AddColumn("least_bytes").AsInt64().Nullable();   // the smallest file or shards that are a whole model
        Create.Index("listings_by_bytes").OnTable("listings").OnColumn("type").Ascending().OnColumn("least_bytes").Ascending();

        // What is listed already is read again, but no list waits for it: a mark below zero.
        Execute.Sql("INSERT INTO unlisted (repo_id, mark) SELECT id, -1 FROM repos WHERE id NOT IN (SELECT repo_id FROM unlisted)");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
