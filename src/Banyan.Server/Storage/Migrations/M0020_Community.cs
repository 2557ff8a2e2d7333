using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Who asked for access to what is gated; discussions and pull requests.</summary>
[Migration(20, "access requests, discussions")]
public sealed class M0020_Community : Migration
{
    const int GitIdBytes = 20;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("access_requests")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            // pending, accepted, rejected
            .WithColumn("status").AsString(8)
            // by the user, who so tells the owner an address; granted otherwise
            .WithColumn("asked").AsBoolean()
            .WithColumn("fields").AsString(int.MaxValue).Nullable()           // JSON: what the user answered
            .WithColumn("reason").AsString(200).Nullable()                    // of a rejection
            .WithColumn("at").AsInt64();

        Create.Table("discussions")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("num").AsInt32()                                      // counted in the repository; refs/pr/num of a pull request
            .WithColumn("title").AsString(256)
            .WithColumn("status").AsString(8)                                 // draft, open, closed, merged
            .WithColumn("is_pull_request").AsBoolean()
            .WithColumn("author_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("created_at").AsInt64()
            .WithColumn("base_ref").AsString(255).Nullable()                  // where a pull request goes
            .WithColumn("merge_commit").AsBinary(GitIdBytes).Nullable();
        Create.Index("discussions_by_number").OnTable("discussions").OnColumn("repo_id").Ascending().OnColumn("num")
            .Ascending().WithOptions().Unique();

        Create.Table("discussion_events")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("discussion_id").AsInt64().ForeignKey("discussions", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("type").AsString(16)                                  // comment, status-change, title-change, commit
            .WithColumn("author_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("created_at").AsInt64()
            .WithColumn("data").AsString(int.MaxValue);                       // JSON
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
