using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Limits set by administrators: quotas of namespaces, and suspended users.</summary>
[Migration(40, "limits")]
public sealed class M0040_Limits : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Alter.Table("accounts")
            .AddColumn("suspended_at").AsInt64().Nullable()
            .AddColumn("quota").AsInt64().Nullable();                         // bytes; null for the hub's default
        Alter.Table("repos").AddColumn("removed_at").AsInt64().Nullable();    // nobody finds it any more; what it held is being deleted
        Alter.Table("discussions").AddColumn("length").AsInt64().NotNullable().WithDefaultValue(0);   // characters of what was said in it

        // bytes that came and are no part of a file yet: they count for whom they came
        Create.Table("incoming")
            .WithColumn("object").AsString(200).PrimaryKey()
            .WithColumn("owner_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("bytes").AsInt64()
            .WithColumn("at").AsInt64().Indexed();
        // their sum without reading them
        Create.Index("git_objects_by_size").OnTable("git_objects").OnColumn("repo_id").Ascending().OnColumn("size").Ascending();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
