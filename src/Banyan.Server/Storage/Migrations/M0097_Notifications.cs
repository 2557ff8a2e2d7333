using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Whom and what users follow, and which notifications they get.</summary>
[Migration(97, "following, notifications")]
public sealed class M0097_Notifications : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("follows")
            .WithColumn("account_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id")
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            .WithColumn("created_at").AsInt64();

        Create.Table("watches")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            .WithColumn("muted").AsBoolean()                                  // is told of nothing of it
            .WithColumn("created_at").AsInt64();

        // what users are still to be told; written in the transaction of the change
        Create.Table("happenings")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("kind").AsString(16)                                  // discussion, commit, repo, access, answered
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("discussion_id").AsInt64().Nullable().ForeignKey("discussions", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("actor_id").AsInt64().Nullable()                      // who did it
            .WithColumn("user_id").AsInt64().Nullable()                       // whom alone it is for
            .WithColumn("mentions").AsString(int.MaxValue).Nullable()         // names in lower case, with spaces between
            .WithColumn("at").AsInt64();

        Create.Table("notifications")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("subject").AsString(40)                               // what it is about: of each there is one
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("discussion_id").AsInt64().Nullable().ForeignKey("discussions", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("actor_id").AsInt64().Nullable()
            .WithColumn("reason").AsString(16)                                // mention, participant, watching, following, access, answered
            .WithColumn("at").AsInt64()
            .WithColumn("unread").AsBoolean();
        Create.Index("notifications_by_subject").OnTable("notifications").OnColumn("user_id").Ascending().OnColumn("subject")
            .Ascending().WithOptions().Unique();
        Create.Index("notifications_by_time").OnTable("notifications").OnColumn("user_id").Ascending().OnColumn("at").Ascending()
            .OnColumn("id").Ascending();
        Create.Index("notifications_unread").OnTable("notifications").OnColumn("user_id").Ascending().OnColumn("unread").Ascending();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
