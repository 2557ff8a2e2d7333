using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Groups of repositories in an organization, with members of their own.</summary>
[Migration(105, "resource groups")]
public sealed class M0105_ResourceGroups : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("resource_groups")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("org_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("name").AsString(100)
            .WithColumn("name_key").AsString(100)                             // lower case
            .WithColumn("description").AsString(500).Nullable()
            .WithColumn("created_at").AsInt64();
        Create.Index("resource_groups_by_name").OnTable("resource_groups").OnColumn("org_id").Ascending().OnColumn("name_key")
            .Ascending().WithOptions().Unique();

        Create.Table("resource_group_members")
            .WithColumn("group_id").AsInt64().PrimaryKey().ForeignKey("resource_groups", "id").OnDelete(Rule.Cascade)
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            .WithColumn("role").AsString(16);                                 // read, write, admin

        // no foreign key: SQLite would make the table anew; GroupStore removes only groups that hold nothing
        Execute.Sql("ALTER TABLE repos ADD COLUMN group_id BIGINT");
        Execute.Sql("CREATE INDEX repos_by_group ON repos (group_id) WHERE group_id IS NOT NULL");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
