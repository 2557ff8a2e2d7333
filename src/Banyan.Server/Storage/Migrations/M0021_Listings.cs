using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>What lists of repositories query: names, tags, sizes and sort orders.</summary>
[Migration(21, "lists")]
public sealed class M0021_Listings : Migration
{
    const int GitIdBytes = 20;

    /// <inheritdoc/>
    public override void Up()
    {
        // a repository as it is told in lists: follows from its default branch
        Create.Table("listings")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("type").AsString(8)
            .WithColumn("name_key").AsString(200)
            .WithColumn("commit_oid").AsBinary(GitIdBytes).Nullable()
            .WithColumn("parameters").AsInt64().Nullable()
            .WithColumn("facts").AsString(int.MaxValue)                       // JSON: tags and the like
            .WithColumn("details").AsString(int.MaxValue);                    // JSON: card, headers of weights
        Create.Index("listings_by_name").OnTable("listings").OnColumn("type").Ascending().OnColumn("name_key").Ascending();

        Create.Table("listing_tags")
            .WithColumn("tag_key").AsString(220).PrimaryKey()                 // lower case
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("tag").AsString(220);

        // three characters in a row of a name: words are found anywhere in it
        Create.Table("listing_grams")
            .WithColumn("gram").AsInt32().PrimaryKey()
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed();

        // changed since it was listed; written in the transaction of the change
        Create.Table("unlisted")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("mark").AsInt64();
        Execute.Sql("INSERT INTO unlisted (repo_id, mark) SELECT id, 0 FROM repos");

        foreach (var column in (ReadOnlySpan<string>)["downloads", "updated_at", "created_at"])
            Create.Index($"repos_by_{column}").OnTable("repos")
                .OnColumn("type").Ascending().OnColumn("private").Ascending().OnColumn(column).Ascending().OnColumn("id").Ascending();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
