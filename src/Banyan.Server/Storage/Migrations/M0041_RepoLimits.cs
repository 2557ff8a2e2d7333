using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>How many repositories a namespace may have.</summary>
[Migration(41, "repository limits")]
public sealed class M0041_RepoLimits : Migration
{
    /// <inheritdoc/>
    public override void Up() => Alter.Table("accounts").AddColumn("repo_limit").AsInt64().Nullable();   // null for the hub's default

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
