using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Likes, and addresses that receive events of repositories.</summary>
[Migration(30, "likes and webhooks")]
public sealed class M0030_LikesAndWebhooks : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("likes")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            .WithColumn("created_at").AsInt64();
        // how many rows there are above: what lists sort by
        Alter.Table("repos").AddColumn("likes").AsInt64().NotNullable().WithDefaultValue(0);
        Create.Index("repos_by_likes").OnTable("repos")
            .OnColumn("type").Ascending().OnColumn("private").Ascending().OnColumn("likes").Ascending().OnColumn("id").Ascending();

        Create.Table("webhooks")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("url").AsString(2048)
            .WithColumn("watched").AsString(int.MaxValue)                     // JSON, as it was given: what is searched is webhook_watched
            .WithColumn("repo_events").AsBoolean()
            .WithColumn("discussion_events").AsBoolean()
            .WithColumn("secret").AsString(256).Nullable()                    // sent along, so it is kept as it is
            .WithColumn("disabled").AsBoolean()
            .WithColumn("root").AsString(512)                                 // the hub's address, as its owner calls it
            .WithColumn("created_at").AsInt64();

        Create.Table("webhook_watched")
            .WithColumn("kind").AsString(8).PrimaryKey()                      // user, org, model, dataset, space
            .WithColumn("name_key").AsString(200).PrimaryKey()
            .WithColumn("webhook_id").AsInt64().PrimaryKey().ForeignKey("webhooks", "id").OnDelete(Rule.Cascade).Indexed();

        // what is still to be told; written in the transaction of the change
        Create.Table("webhook_deliveries")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("webhook_id").AsInt64().ForeignKey("webhooks", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("body").AsString(int.MaxValue)
            .WithColumn("attempts").AsInt32()
            .WithColumn("due_at").AsInt64().Indexed();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
