using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Files locked with git-lfs.</summary>
[Migration(32, "locks")]
public sealed class M0032_Locks : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("lfs_locks")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("path").AsString(2048)
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("locked_at").AsInt64();
        Create.Index("lfs_locks_by_path").OnTable("lfs_locks").OnColumn("repo_id").Ascending().OnColumn("path")
            .Ascending().WithOptions().Unique();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
