using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Lists of repositories that people put together.</summary>
[Migration(96, "collections")]
public sealed class M0096_Collections : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("collections")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("owner_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("title").AsString(100)
            .WithColumn("title_key").AsString(100)                            // lower case
            .WithColumn("description").AsString(300).Nullable()
            .WithColumn("private").AsBoolean()
            .WithColumn("theme").AsString(16)
            .WithColumn("position").AsInt32()                                 // among its owner's
            .WithColumn("created_at").AsInt64()
            .WithColumn("updated_at").AsInt64();
        Create.Index("collections_by_title").OnTable("collections").OnColumn("owner_id").Ascending().OnColumn("title_key")
            .Ascending().WithOptions().Unique();
        Create.Index("collections_by_updated_at").OnTable("collections").OnColumn("updated_at").Ascending().OnColumn("id").Ascending();

        Create.Table("collection_items")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("collection_id").AsInt64().ForeignKey("collections", "id").OnDelete(Rule.Cascade)
            .WithColumn("repo_id").AsInt64().Nullable().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed()
            // a collection in it
            .WithColumn("linked_id").AsInt64().Nullable().ForeignKey("collections", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("position").AsInt32()
            .WithColumn("note").AsString(500).Nullable()
            .WithColumn("added_at").AsInt64();
        Create.Index("collection_items_by_position").OnTable("collection_items").OnColumn("collection_id").Ascending()
            .OnColumn("position").Ascending();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
