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
        // Words alone, without the text, at places in the order of downloads, so that the first of a million are found without looking at
        // the others: see WordIndex. Databases spell it differently; dumps leave it out, since it follows from the rest.
        Alter.Table("listings")
            .AddColumn("least_bytes").AsInt64().Nullable()                    // the smallest file or shards that are a whole model
            .AddColumn("word_place").AsInt64().Nullable()                     // where its words are
            .AddColumn("ranked").AsInt64().WithDefaultValue(0);               // its downloads then
        Create.Index("listings_by_bytes").OnTable("listings").OnColumn("type").Ascending().OnColumn("least_bytes").Ascending();
        IfDatabase(t => t.StartsWith("SQLite", StringComparison.OrdinalIgnoreCase)).Execute.Sql(
            "CREATE VIRTUAL TABLE listing_words USING fts5(name, head, body, content='', contentless_delete=1, detail=column, tokenize='ascii', prefix='3')");
        IfDatabase(t => t.StartsWith("SQLite", StringComparison.OrdinalIgnoreCase)).Execute.Sql(
            "CREATE TRIGGER listing_words_of_none AFTER DELETE ON listings WHEN OLD.word_place IS NOT NULL BEGIN DELETE FROM listing_words WHERE rowid = OLD.word_place; END");
        IfDatabase(t => t.StartsWith("Postgres", StringComparison.OrdinalIgnoreCase)).Execute.Sql(
            """
            CREATE TABLE listing_words (
              repo_id bigint PRIMARY KEY REFERENCES repos (id) ON DELETE CASCADE, place bigint NOT NULL UNIQUE, name tsvector NOT NULL, head tsvector NOT NULL, words tsvector NOT NULL);
            CREATE INDEX listing_words_name ON listing_words USING gin (name);
            CREATE INDEX listing_words_head ON listing_words USING gin (head);
            CREATE INDEX listing_words_words ON listing_words USING gin (words)
            """);

        // what the first of a search have in common
        Create.Index("listing_tags_of").OnTable("listing_tags").OnColumn("repo_id").Ascending().OnColumn("tag_key").Ascending();
        Delete.Index("IX_listing_tags_repo_id").OnTable("listing_tags");

        Delete.Table("listing_grams");                                        // their words are among the others now

        Create.Table("spellings")                                             // forms of a word without one letter; see Spelling
            .WithColumn("form").AsString(24).PrimaryKey()
            .WithColumn("word").AsString(24).PrimaryKey();

        // What is listed already is read again, but no list waits for it: a mark below zero.
        Execute.Sql("INSERT INTO unlisted (repo_id, mark) SELECT id, -1 FROM repos WHERE id NOT IN (SELECT repo_id FROM unlisted)");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
