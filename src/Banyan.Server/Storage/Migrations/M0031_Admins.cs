using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Users who may add and remove others over the API.</summary>
[Migration(31, "admins")]
public sealed class M0031_Admins : Migration
{
    /// <inheritdoc/>
    public override void Up() => Alter.Table("accounts").AddColumn("is_admin").AsBoolean().NotNullable().WithDefaultValue(false);

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
